"""Quotas through the API: the same limits, words and rights as in the pages."""

from __future__ import annotations

import uuid

import pytest

from tests.api.conftest import problem_of
from vms.models import Group, Membership, Quota

NOTHING = {"guests": None, "running": None, "vcpus": None, "memory_mib": None, "disk_bytes": None}


@pytest.fixture
def students(alice):
    """A group of alice."""
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    return group


def test_an_administrator_sets_and_reads_every_quota(api_of, admin, alice, students):
    client = api_of(admin)
    limits = {**NOTHING, "vcpus": 8, "guests": "unlimited"}
    for path in ("site", f"users/{alice.pk}", f"groups/{students.pk}"):
        answer = client.put(f"quotas/{path}", {"vcpus": 8, "guests": "unlimited"})
        assert answer.status_code == 200, answer.content
        assert answer.json()["limits"] == limits
        assert client.get(f"quotas/{path}").json() == answer.json()
    assert client.put("quotas/site", {}).json()["limits"] == NOTHING
    assert Quota.objects.filter(scope="site").count() == 0


def test_everybody_reads_the_quotas_that_bind_him(api_of, admin, alice, guest, students):
    api_of(admin).put(f"quotas/groups/{students.pk}", {"vcpus": 8})
    (source,) = api_of(alice).get("me/quota").json()
    assert (source["scope"], source["name"]) == ("group", "Your group “Students”")
    assert (source["limits"]["vcpus"], source["used"]["vcpus"]) == (8, 1)


@pytest.mark.parametrize("value", [-1, "lots", 1.5, 2**70])
def test_a_limit_that_is_none_is_refused_at_its_field(api_of, admin, value):
    body = problem_of(api_of(admin).put("quotas/site", {"vcpus": value}))
    assert any(name.startswith("vcpus") for name in body["fields"])


def test_a_guest_over_the_quota_is_refused_with_the_numbers(api_of, admin, alice, template):
    api_of(admin).put("quotas/site", {"memory_mib": 100})
    body = problem_of(
        api_of(alice).post("vms", {"template_id": str(template.pk), "memory_mib": 128})
    )
    assert body["fields"] == {
        "memory_mib": "The site's quota for you allows 100 MiB of memory; 0 MiB are in use and "
        "this guest wants 128 MiB."
    }


def test_a_start_over_the_quota_is_a_conflict_with_its_own_code(api_of, admin, alice, guest):
    api_of(admin).put("quotas/site", {"running": 0})
    body = problem_of(api_of(alice).post(f"vms/{guest.pk}/actions/start"))
    assert (body["status"], body["code"]) == (409, "quota-running")


def test_nobody_else_sets_a_quota(api_of, alice, mallory, students):
    for user in (alice, mallory):
        for path in ("quotas/site", f"quotas/users/{user.pk}"):
            assert api_of(user).get(path).status_code == 403
            assert api_of(user).put(path, {"guests": 9}).status_code in (403, 404)
    foreign = api_of(mallory).get(f"quotas/groups/{students.pk}")
    missing = api_of(mallory).get(f"quotas/groups/{uuid.uuid4()}")
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert api_of(alice).put(f"quotas/groups/{students.pk}", {}).status_code == 403
    assert not Quota.objects.exists()
