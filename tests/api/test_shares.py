"""Shares through the API, and what a guest says of the reader's role."""

from __future__ import annotations

import uuid

import pytest

from tests.api.conftest import problem_of
from vms.models import Group, Membership, Share


@pytest.fixture
def shares_of(guest):
    """The path of a guest's shares."""
    return f"vms/{guest.pk}/shares"


def test_the_owner_shares_lists_changes_and_takes_back(api_of, alice, bob, shares_of, guest):
    client = api_of(alice)
    made = client.post(shares_of, {"username": "bob", "role": "viewer"})
    assert made.status_code == 201
    share = made.json()
    assert share["user"] == {"id": str(bob.pk), "name": "bob"}
    assert share["group"] is None
    assert api_of(bob).get(f"vms/{guest.pk}").json()["my_role"] == "viewer"
    path = f"{shares_of}/{share['id']}"
    assert client.patch(path, {"role": "operator"}).json()["role"] == "operator"
    assert [one["id"] for one in client.get(shares_of).json()["items"]] == [share["id"]]
    assert client.delete(path).status_code == 204
    assert api_of(bob).get(f"vms/{guest.pk}").status_code == 404


def test_a_group_is_named_by_its_id(api_of, alice, shares_of):
    team = Group.objects.create(name="Team")
    body = {"group_id": str(team.pk), "role": "operator"}
    refused = api_of(alice).post(shares_of, body)
    assert list(problem_of(refused)["fields"]) == ["group_id"]
    Membership.objects.create(group=team, user=alice)
    made = api_of(alice).post(shares_of, body).json()
    assert made["group"] == {"id": str(team.pk), "name": "Team"}


@pytest.mark.parametrize("both", [True, False])
def test_a_share_names_one_person_or_one_group(api_of, alice, shares_of, both):
    body = {"role": "viewer"}
    if both:
        body |= {"username": "bob", "group_id": str(uuid.uuid4())}
    refused = api_of(alice).post(shares_of, body)
    assert problem_of(refused)["code"] == "invalid"
    assert not Share.objects.exists()


def test_verbs_say_that_a_viewer_may_not_use_them(api_of, carol, guest):
    Share.objects.create(vm=guest, user=carol, role="viewer")
    for shown in (
        api_of(carol).get(f"vms/{guest.pk}").json(),
        api_of(carol).get("vms").json()["items"][0],
    ):
        assert shown["my_role"] == "viewer"
        assert {verb["code"] for verb in shown["verbs"]} == {"needs-operator"}
    refused = api_of(carol).post(f"vms/{guest.pk}/actions/start")
    assert problem_of(refused)["code"] == "forbidden"


def test_the_list_costs_the_same_however_many_are_shared(
    api_of, define_guest, alice, bob, django_assert_max_num_queries
):
    client = api_of(bob)
    Share.objects.create(vm=define_guest(alice), user=bob, role="operator")
    client.get("vms")
    with django_assert_max_num_queries(12) as few:
        client.get("vms")
    for _each in range(5):
        Share.objects.create(vm=define_guest(alice), user=bob, role="operator")
    with django_assert_max_num_queries(len(few)):
        assert client.get("vms").json()["total"] == 6


def test_an_operator_neither_lists_nor_sets_shares_and_may_leave(api_of, bob, shares_of, guest):
    share = Share.objects.create(vm=guest, user=bob, role="operator")
    client = api_of(bob)
    assert client.get(shares_of).status_code == 403
    assert client.post(shares_of, {"username": "bob", "role": "owner"}).status_code == 403
    assert client.patch(f"{shares_of}/{share.pk}", {"role": "owner"}).status_code == 403
    assert client.delete(f"{shares_of}/{share.pk}").status_code == 204
    assert client.get(f"vms/{guest.pk}").status_code == 404


def test_mallory_learns_of_no_share(api_of, mallory, bob, shares_of, guest):
    share = Share.objects.create(vm=guest, user=bob, role="operator")
    client = api_of(mallory)
    assert client.get(shares_of).status_code == 404
    assert client.post(shares_of, {"role": "viewer"}).status_code == 404
    assert client.delete(f"{shares_of}/{share.pk}").status_code == 404
