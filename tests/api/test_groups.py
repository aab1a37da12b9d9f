"""Groups through the API."""

from __future__ import annotations

import pytest

from tests.api.conftest import problem_of
from vms.models import Group, Membership


@pytest.fixture
def team(bob, alice):
    """A group that bob manages and alice is in."""
    made = Group.objects.create(name="Team")
    Membership.objects.create(group=made, user=bob, is_manager=True)
    Membership.objects.create(group=made, user=alice)
    return made


def test_an_administrator_makes_changes_and_deletes_a_group(api_of, admin, bob):
    client = api_of(admin)
    made = client.post("groups", {"name": "Class", "description": "7b"})
    assert made.status_code == 201
    group = made.json()
    assert group["member_count"] == 0
    changed = client.patch(f"groups/{group['id']}", {"name": "Class 7"}).json()
    assert (changed["name"], changed["description"]) == ("Class 7", "7b")
    added = client.post(f"groups/{group['id']}/members", {"username": "bob"})
    assert added.json() == {"user": {"id": str(bob.pk), "name": "bob"}, "is_manager": False}
    path = f"groups/{group['id']}/members/{bob.pk}"
    assert client.patch(path, {"is_manager": True}).json()["is_manager"]
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.delete(f"groups/{group['id']}").status_code == 204
    assert client.get(f"groups/{group['id']}").status_code == 404


def test_lists_show_only_groups_that_one_is_in(api_of, team, alice, mallory, admin):
    Group.objects.create(name="Other")
    for user, names in ((alice, ["Team"]), (mallory, []), (admin, ["Other", "Team"])):
        assert [one["name"] for one in api_of(user).get("groups").json()["items"]] == names


def test_members_see_each_other_managers_first(api_of, team, alice):
    items = api_of(alice).get(f"groups/{team.pk}/members").json()["items"]
    assert [(one["user"]["name"], one["is_manager"]) for one in items] == [
        ("bob", True),
        ("alice", False),
    ]


def test_a_manager_adds_somebody_and_makes_nobody_manager(api_of, team, bob, carol, alice):
    client = api_of(bob)
    path = f"groups/{team.pk}/members"
    assert client.post(path, {"username": "carol"}).status_code == 201
    refused = client.post(path, {"username": "mallory", "is_manager": True})
    assert problem_of(refused)["code"] == "forbidden"
    assert client.patch(f"{path}/{alice.pk}", {"is_manager": True}).status_code == 403
    wrong = client.post(path, {"username": "nobody"})
    assert list(problem_of(wrong)["fields"]) == ["username"]


def test_mallory_cannot_put_himself_into_a_group(api_of, team, mallory):
    path = f"groups/{team.pk}/members"
    assert api_of(mallory).post(path, {"username": "mallory"}).status_code == 404
    assert team.memberships.count() == 2
