"""Leases through the API."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.conftest import problem_of
from vms.models import Group, Lease, LeaseRule, Membership


@pytest.fixture
def students(alice):
    """A group of alice."""
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    return group


def test_a_guest_says_when_it_ends_in_lists_and_alone(api_of, alice, guest):
    client = api_of(alice)
    assert client.get(f"vms/{guest.pk}").json()["lease"] is None
    until = (timezone.now() + timedelta(days=9)).isoformat()
    body = client.put(f"vms/{guest.pk}/lease", {"until": until}).json()
    assert body["lease"]["expires_at"][:16] == until[:16]
    assert body["lease"]["deleted_at"] > until
    assert client.get("vms").json()["items"][0]["lease"] == body["lease"]
    assert client.put(f"vms/{guest.pk}/lease", {"until": None}).json()["lease"] is None


def test_an_end_beyond_what_the_group_allows_is_refused_at_its_field(
    api_of, admin, alice, guest, students
):
    api_of(admin).put(f"leases/groups/{students.pk}", {"default_days": 3, "max_days": 5})
    until = (timezone.now() + timedelta(days=9)).isoformat()
    body = problem_of(api_of(alice).put(f"vms/{guest.pk}/lease", {"until": until}))
    assert list(body["fields"]) == ["until"]
    without_zone = problem_of(
        api_of(alice).put(f"vms/{guest.pk}/lease", {"until": "2030-01-01T00:00:00"})
    )
    assert list(without_zone["fields"]) == ["until"]
    assert not Lease.objects.exists()


def test_rules_are_read_and_set_by_administrators_only(api_of, admin, alice, mallory, students):
    rule = {"default_days": 3, "max_days": None, "grace_days": 2}
    for path in ("leases/site", f"leases/groups/{students.pk}"):
        assert api_of(admin).put(path, rule).json() == rule
        assert api_of(admin).get(path).json() == rule
        assert api_of(alice).put(path, {}).status_code == 403
    assert api_of(mallory).get("leases/site").status_code == 403
    foreign = api_of(mallory).get(f"leases/groups/{students.pk}")
    missing = api_of(mallory).get(f"leases/groups/{uuid.uuid4()}")
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert LeaseRule.objects.count() == 2
