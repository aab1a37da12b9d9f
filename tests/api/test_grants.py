"""Grants and limits of templates through the API."""

from __future__ import annotations

import uuid

from tests.api.conftest import problem_of
from vms.models import Group, Membership


def test_an_administrator_grants_and_limits_and_users_read_the_limits(
    api_of, admin, alice, mallory, template
):
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    body = {
        "group_ids": [str(group.pk)],
        "limits": {"vcpus": {"most": 2}, "networks": ["default"], "cloud_fields": ["user"]},
    }
    path = f"templates/{template.pk}"
    answer = api_of(admin).put(f"{path}/access", body)
    assert answer.status_code == 200, answer.content
    assert answer.json()["group_ids"] == [str(group.pk)]
    limits = api_of(alice).get(f"{path}/limits").json()
    assert limits["vcpus"] == {"least": None, "most": 2}
    assert (limits["networks"], limits["cloud_fields"]) == (["default"], ["user"])
    assert api_of(admin).get(f"{path}/access").json() == answer.json()
    foreign = api_of(mallory).get(path)
    missing = api_of(mallory).get(f"templates/{uuid.uuid4()}")
    assert (foreign.status_code, foreign.content) == (404, missing.content)


def test_a_guest_outside_the_limits_is_refused_at_its_field(api_of, admin, alice, template):
    body = {"is_for_all": True, "limits": {"memory_mib": {"most": 100}}}
    api_of(admin).put(f"templates/{template.pk}/access", body)
    asked = {"template_id": str(template.pk), "memory_mib": 128, "network_name": "lan"}
    refused = problem_of(api_of(alice).post("vms", asked))
    assert set(refused["fields"]) == {"memory_mib", "network_name"}


def test_users_read_no_access_and_set_none(api_of, alice, mallory, template):
    for user in (alice, mallory):
        assert api_of(user).get(f"templates/{template.pk}/access").status_code == 403
        assert api_of(user).put(f"templates/{template.pk}/access", {}).status_code == 403
