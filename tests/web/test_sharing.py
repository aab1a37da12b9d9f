"""The tab Sharing, and how the pages of a guest follow the role."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.conftest import make_user
from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import Group, Membership, Share

ALL_TABS = [
    "Overview",
    "Charts",
    "Console",
    "Recordings",
    "Settings",
    "Sharing",
    "XML",
    "Activity",
]


@pytest.fixture
def guest(alice, row_of):
    """A guest of alice that runs."""
    return row_of(alice, name="lab", state="running", has_vnc=True, xml="<domain/>")


@pytest.fixture
def shared(guest, bob, carol):
    """bob operates it, carol watches it."""
    for user, role in ((bob, "operator"), (carol, "viewer")):
        Share.objects.create(vm=guest, user=user, role=role)


def at(name: str, guest, *more: object) -> str:
    return reverse(name, args=[guest.pk, *more])


def test_tabs_follow_the_role(web, guest, shared, alice, bob, carol, admin):
    auditor = make_user("auditor", "auditor")
    for user, missing in (
        (alice, set()),
        (admin, set()),
        (bob, {"Sharing", "Recordings"}),
        (carol, {"Sharing", "Recordings", "Settings"}),
        (auditor, {"Settings"}),
    ):
        shown = texts(web(user).get(at("guest", guest)), ".subtabs a")
        assert shown == [tab for tab in ALL_TABS if tab not in missing], user


def test_power_is_disabled_with_its_reason_for_who_only_looks(web, guest, shared, bob, carol):
    page = tree(web(carol).get(at("guest", guest)))
    buttons = page.cssselect(".power button")
    assert buttons
    assert all(button.get("aria-disabled") == "true" for button in buttons)
    assert {button.get("title") for button in buttons} == {
        "You may look at this guest, not use it."
    }
    assert tree(web(bob).get(at("guest", guest))).cssselect(".power form")


def test_the_menu_says_why_something_is_not_offered(web, guest, shared, alice, bob, carol):
    words = texts(web(carol).get(at("guest-menu", guest)), ".menu-item")
    assert "Start You may look" not in " ".join(words)
    assert any("not use it" in each for each in words)
    assert "Only an owner deletes a guest." in " ".join(words)
    assert "Sharing" not in words
    assert "Sharing" in texts(web(alice).get(at("guest-menu", guest)), ".menu-item")
    assert "Settings" in texts(web(bob).get(at("guest-menu", guest)), ".menu-item")


def test_an_operator_changes_the_cd_and_nothing_else_of_the_settings(web, make_guest, alice, bob):
    guest = make_guest(alice)
    Share.objects.create(vm=guest, user=bob, role="operator")
    page = tree(web(bob).get(at("guest-settings", guest)))
    assert [form.get("id") for form in page.cssselect(".narrow form")] == ["media-form"]
    for name in ("guest-description", "guest-config", "guest-owner"):
        data = {"description": "mine", "name": "mine", "vcpus": 1, "memory_mib": 64}
        assert web(bob).post(at(name, guest), data).status_code == 403
    guest.refresh_from_db()
    assert guest.description == ""


def test_the_console_of_a_viewer_offers_to_watch_alone(web, guest, shared, bob, carol):
    for user, control in ((bob, "1"), (carol, "0")):
        page = tree(web(user).get(at("guest-console", guest)))
        assert page.get_element_by_id("console-head").get("data-control") == control
    assert web(carol).post(at("guest-ticket", guest), {"mode": "control"}).status_code == 403


def test_the_list_shows_shared_guests_with_their_owner(web, guest, shared, row_of, alice, bob):
    row_of(bob, name="own")
    page = web(bob).get("/")
    rows = {row.get("data-name"): row for row in tree(page).cssselect("[data-id]")}
    assert "alice" in rows["lab"].text_content()
    assert "bob" not in rows["own"].cssselect(".g-sub")[0].text_content()
    assert "chip-owner" in page.content.decode()
    assert "chip-owner" not in web(alice).get("/").content.decode()


def test_a_viewer_is_not_offered_to_start_a_guest_in_the_list(web, row_of, alice, bob, carol):
    guest = row_of(alice, name="off")
    Share.objects.create(vm=guest, user=bob, role="operator")
    Share.objects.create(vm=guest, user=carol, role="viewer")
    assert "Start" in texts(web(bob).get("/"), ".g-go")[0]
    assert texts(web(carol).get("/"), ".g-go") == [""]


def test_the_list_costs_the_same_however_many_guests_are_shared(web, row_of, alice, bob):
    client, counts = web(bob), []
    for more in (1, 40):
        for _each in range(more):
            Share.objects.create(vm=row_of(alice), user=bob, role="operator")
        client.get("/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_owner_shares_changes_and_takes_back(web, guest, alice, bob):
    client = web(alice)
    data = {"person-username": "bob", "person-role": "viewer"}
    assert client.post(at("guest-share-person", guest), data).status_code == 302
    share = Share.objects.get()
    page = client.get(at("guest-sharing", guest))
    assert "bob" in " ".join(texts(page, "#guest-shares td"))
    client.post(at("guest-share-role", guest, share.pk), {"role": "operator"})
    share.refresh_from_db()
    assert (share.user, share.role, share.created_by) == (bob, "operator", alice)
    client.post(at("guest-unshare", guest, share.pk))
    assert not Share.objects.exists()


def test_a_group_is_chosen_from_ones_own(web, guest, alice, carol):
    team, other = Group.objects.create(name="Team"), Group.objects.create(name="Other")
    Membership.objects.create(group=team, user=alice)
    Membership.objects.create(group=team, user=carol)
    client = web(alice)
    page = client.get(at("guest-sharing", guest))
    assert texts(page, "#id_group-group option") == ["–", "Team"]
    assert [each.get("value") for each in tree(page).cssselect("#acquaintances option")] == [
        "carol"
    ]
    data = {"group-group": str(other.pk), "group-role": "viewer"}
    assert client.post(at("guest-share-group", guest), data).status_code == 422
    client.post(at("guest-share-group", guest), data | {"group-group": str(team.pk)})
    assert Share.objects.get().group == team


def test_a_wrong_name_says_so_at_its_field_and_stays_typed(web, guest, alice):
    data = {"person-username": "bobby", "person-role": "operator"}
    answer = web(alice).post(at("guest-share-person", guest), data)
    assert answer.status_code == 422
    assert "exactly this user name" in error_beside(answer, "person-username")
    assert value_of(answer, "person-username") == "bobby"


def test_who_leaves_goes_back_to_his_list(web, guest, shared, carol):
    page = web(carol).get(at("guest", guest))
    assert "Viewer" in page.content.decode()
    share = Share.objects.get(user=carol)
    answer = web(carol).post(at("guest-unshare", guest, share.pk))
    assert answer["Location"] == reverse("guests")
    assert web(carol).get(at("guest", guest)).status_code == 404


def test_an_auditor_reads_the_shares_and_changes_none(web, guest, shared):
    client = web(make_user("auditor", "auditor"))
    page = client.get(at("guest-sharing", guest))
    assert "carol" in page.content.decode()
    assert texts(page, ".columns button") == []
    data = {"person-username": "mallory", "person-role": "owner"}
    assert client.post(at("guest-share-person", guest), data).status_code == 403


def test_mallory_finds_no_sharing(web, guest, shared, mallory):
    client, share = web(mallory), Share.objects.first()
    assert client.get(at("guest-sharing", guest)).status_code == 404
    data = {"person-username": "mallory", "person-role": "owner", "role": "owner"}
    assert client.post(at("guest-share-person", guest), data).status_code == 404
    assert client.post(at("guest-share-group", guest), data).status_code == 404
    for name in ("guest-share-role", "guest-unshare"):
        for share_id in (share.pk, uuid.uuid4()):
            assert client.post(at(name, guest, share_id), data).status_code == 404
    assert Share.objects.count() == 2
