"""Groups in the browser: what each sees of them, and what stays typed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.conftest import make_user
from tests.web.conftest import error_beside, texts, value_of
from vms.models import Group, Membership, Share


@pytest.fixture
def team(bob, alice):
    """A group that bob manages and alice is in."""
    made = Group.objects.create(name="Team <b>", description="builds")
    Membership.objects.create(group=made, user=bob, is_manager=True)
    Membership.objects.create(group=made, user=alice)
    return made


def at(name: str, group: Group, *more: object) -> str:
    return reverse(name, args=[group.pk, *more])


def test_the_tab_is_there_for_those_who_are_in_a_group(web, team, admin, alice, mallory):
    assert "Groups" in texts(web(alice).get("/"), ".tabs a")
    assert "Groups" not in texts(web(mallory).get("/"), ".tabs a")
    page = web(admin).get(reverse("groups"))
    assert texts(page, ".tabs a[aria-current=page]") == ["People"]
    assert texts(web(alice).get(reverse("groups")), ".tabs a[aria-current=page]") == ["Groups"]


def test_the_list_counts_members_and_guests(web, team, alice, bob, carol, row_of):
    carol.is_active = False
    carol.save()
    Membership.objects.create(group=team, user=carol)
    Share.objects.create(vm=row_of(bob), group=team, role="viewer")
    cells = texts(web(alice).get(reverse("groups")), "tbody td")
    assert cells == ["Team <b>builds", "2", "1"]


def test_who_is_in_no_group_reads_how_to_get_into_one(web, mallory, team):
    page = web(mallory).get(reverse("groups"))
    assert "adds you by your user name" in page.content.decode()
    assert "Team" not in page.content.decode()


def test_a_page_of_a_group_costs_the_same_however_many_are_in_it(web, team, bob, alice, row_of):
    client, counts = web(bob), []
    for number in range(2):
        for each in range(10 * number):
            Membership.objects.create(group=team, user=make_user(f"p{each}"))
            Share.objects.create(vm=row_of(alice), group=team, role="viewer")
        client.get(at("group", team))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(at("group", team)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_manager_adds_by_user_name_and_a_wrong_one_stays_typed(web, team, bob, carol):
    client = web(bob)
    answer = client.post(at("group-member-add", team), {"username": "carl"})
    assert answer.status_code == 422
    assert "exactly" in error_beside(answer, "username")
    assert value_of(answer, "username") == "carl"
    assert client.post(at("group-member-add", team), {"username": "carol"}).status_code == 302
    assert team.memberships.filter(user=carol, is_manager=False).exists()


def test_a_member_is_offered_nothing_that_he_may_not_do(web, team, alice, bob, admin):
    def offered(user):
        return texts(web(user).get(at("group", team)), "main button")

    assert offered(alice) == []
    assert offered(bob) == ["Remove", "Add to the group"]
    assert offered(admin).count("Remove") == 2


def test_the_administrator_makes_changes_and_deletes_a_group(web, admin, bob):
    client = web(admin)
    made = client.post(reverse("group-add"), {"name": "Class", "description": "7b"})
    group = Group.objects.get(name="Class")
    assert made["Location"] == at("group", group)
    client.post(at("group-edit", group), {"name": "Class 7", "description": ""})
    client.post(at("group-member-add", group), {"username": "bob"})
    client.post(at("group-manager", group, bob.pk), {"manager": "1"})
    assert group.memberships.get().is_manager
    asked = client.get(at("group-delete", group))
    assert "Delete the group “Class 7”?" in texts(asked, "h1")
    client.post(at("group-delete", group))
    assert not Group.objects.exists()


@pytest.mark.parametrize(("name", "words"), [("", "required"), ("Team <b>", "already")])
def test_a_wrong_name_says_so_at_its_field(web, admin, team, name, words):
    answer = web(admin).post(reverse("group-add"), {"name": name, "description": "kept"})
    assert answer.status_code == 422
    assert words in error_beside(answer, "name")
    assert value_of(answer, "description") == "kept"


def test_deleting_names_what_is_lost(web, admin, team, alice, row_of):
    Share.objects.create(vm=row_of(alice, name="lab"), group=team, role="operator")
    page = web(admin).get(at("group-delete", team)).content.decode()
    assert "2 people lose" in page
    assert "lab" in page


def test_mallory_finds_no_group(web, mallory, team, alice):
    client = web(mallory)
    for name in ("group", "group-edit", "group-delete"):
        assert client.get(at(name, team)).status_code == 404
    for name, more in (
        ("group-edit", ()),
        ("group-delete", ()),
        ("group-member-add", ()),
        ("group-member-remove", (alice.pk,)),
        ("group-manager", (alice.pk,)),
    ):
        answer = client.post(at(name, team, *more), {"username": "mallory", "manager": "1"})
        assert answer.status_code == 404, name
    assert client.post(reverse("group-add"), {"name": "mine"}).status_code == 403
    assert Group.objects.get().memberships.count() == 2
