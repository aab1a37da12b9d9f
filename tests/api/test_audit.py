"""The audit trail through the API: for administrators, filtered and paged, never changed."""

from __future__ import annotations

import uuid

import pytest

from tests.api.conftest import problem_of
from vms.models import AuditEntry
from vms.policy import Person
from vms.problems import Refused
from vms.services import audit


@pytest.fixture
def done(guest, alice):
    """Something alice did, and something she could not do."""
    audit.refused(
        audit.Trail(Person(alice), "vm.pause", audit.about(guest)), Refused("not-running")
    )
    audit.ended(audit.Trail(Person(alice), "vm.start", audit.about(guest), "virsh start 1"))


def test_lines_say_who_did_what_with_which_result(api_of, admin, guest, done):
    started, paused = api_of(admin).get("audit?person=alice").json()["items"]
    assert (started["action"], started["label"]) == ("vm.start", "Start")
    assert (started["result"], started["command"]) == ("succeeded", "virsh start 1")
    assert (started["target_id"], started["target_exists"]) == (str(guest.pk), True)
    assert (paused["result"], paused["code"]) == ("refused", "not-running")
    assert paused["reason"] == "The guest is not running."


def test_pages_follow_their_cursor(api_of, admin, done):
    client = api_of(admin)
    first = client.get("audit?person=alice&limit=1").json()
    second = client.get(f"audit?person=alice&limit=1&before={first['older']}").json()
    actions = [first["items"][0]["action"], second["items"][0]["action"]]
    assert actions == ["vm.start", "vm.pause"]
    assert second["older"] is None


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "before=x",
        f"before={2**70}",
        "result=maybe",
        "since=2026-01-01T00:00:00",
        "q=%00",
    ],
)
def test_a_wrong_filter_is_named(api_of, admin, query):
    problem = problem_of(api_of(admin).get(f"audit?{query}"))
    assert list(problem["fields"]) == [query.split("=")[0]]


def test_dates_and_text_filter(api_of, admin, done):
    client = api_of(admin)
    assert not client.get("audit?since=2999-01-01T00:00:00Z").json()["items"]
    assert not client.get(f"audit?q={uuid.uuid4()}").json()["items"]
    assert len(client.get("audit?q=virsh+start&until=2999-01-01T00:00:00Z").json()["items"]) == 1


def test_mallory_and_alice_are_refused_and_nobody_can_write(api_of, admin, alice, mallory, done):
    for user in (alice, mallory):
        assert problem_of(api_of(user).get("audit"))["code"] == "forbidden"
    client, count = api_of(admin), AuditEntry.objects.count()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "audit", {}).status_code == 405
    assert AuditEntry.objects.count() >= count
