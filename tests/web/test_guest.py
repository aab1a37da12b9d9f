"""The pages of one guest: overview, XML, history, menu and picture."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import SCRIPT, texts, tree
from vms.models import VM, AuditEntry

PAGES = ["guest", "guest-xml", "guest-history", "guest-settings", "guest-console", "guest-delete"]


@pytest.fixture
def guest(make_guest, alice):
    return make_guest(alice, name="web <b>1")


def url(name: str, guest: VM) -> str:
    return reverse(name, args=[guest.pk])


@pytest.mark.parametrize("name", [*PAGES, "guest-menu"])
def test_page_opens_for_owner_and_administrator_only(web, guest, alice, admin, mallory, name):
    assert web(alice).get(url(name, guest)).status_code == 200
    assert web(admin).get(url(name, guest)).status_code == 200
    answer = web(mallory).get(url(name, guest))
    assert answer.status_code == 404
    assert b"web" not in answer.content.replace(b"kvm<b>web</b>", b"").replace(b"kvmweb", b"")


@pytest.mark.parametrize("name", PAGES)
def test_names_are_escaped_on_every_page(web, guest, alice, name):
    assert b"web <b>1" not in web(alice).get(url(name, guest)).content


def test_overview_shows_devices_addresses_and_what_it_was_made_from(web, guest, alice):
    VM.objects.filter(pk=guest.pk).update(addresses=["192.0.2.7"], description="a\n<i>b")
    page = web(alice).get(url("guest", guest))
    assert "192.0.2.7" in texts(page, "#guest-facts")[0]
    assert "Small one" in texts(page, "#guest-facts")[0]
    assert str(guest.domain_uuid) in texts(page, "#guest-disks")[0]
    assert tree(page).cssselect(".description")[0].text == "a\n<i>b"


def test_refused_verbs_are_disabled_with_their_reason(web, guest, alice):
    page = tree(web(alice).get(url("guest", guest)))
    (start,) = page.cssselect("#verb-start")
    assert start.get("aria-disabled") == "true"
    reason = page.get_element_by_id(start.get("aria-describedby")).text_content()
    assert reason == start.get("title") == "The guest is already running."
    (shut_down,) = page.cssselect("#verb-shutdown")
    assert shut_down.get("aria-disabled") is None


def test_menu_names_the_guest_and_says_why_a_verb_is_refused(web, guest, alice):
    menu = web(alice).get(url("guest-menu", guest), headers=SCRIPT)
    assert texts(menu, ".menu-title") == [guest.name]
    assert "The guest is already running." in texts(menu, "[aria-disabled]")[0]


def test_xml_is_shown_as_text(web, guest, alice):
    page = web(alice).get(url("guest-xml", guest))
    assert tree(page).cssselect("#guest-xml")[0].text == guest.xml


def test_guest_of_odd_xml_still_has_a_page(web, row_of, alice):
    guest = row_of(alice, xml="<domain><odd", is_readable=False)
    for name in PAGES:
        assert web(alice).get(url(name, guest)).status_code == 200
    assert "could not read" in texts(web(alice).get(url("guest", guest)), ".notice")[0]


def test_history_tells_who_did_what_and_what_came_of_it(web, guest, alice):
    line = {"actor_name": "ali<b>", "target_kind": "vm", "target_id": str(guest.pk)}
    AuditEntry.objects.create(
        phase="refused", action="vm.start", detail={"code": "already-running"}, **line
    )
    page = web(alice).get(url("guest-history", guest))
    first = texts(page, ".timeline li")[0]
    assert "Start" in first
    assert "ali<b>" in first
    assert "refused" in first
    assert "already running" in first


def test_request_whose_outcome_is_known_is_one_line(web, guest, alice):
    page = web(alice).get(url("guest-history", guest))
    assert [line for line in texts(page, ".timeline b") if line == "Create guest"] == [
        "Create guest"
    ]


def test_picture_of_a_running_guest_is_small_and_can_be_revalidated(web, guest, alice):
    client = web(alice)
    answer = client.get(url("guest-thumbnail", guest))
    assert answer["Content-Type"] == "image/webp"
    again = client.get(url("guest-thumbnail", guest), headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_guest_that_is_off_has_no_picture(web, row_of, alice):
    answer = web(alice).get(url("guest-thumbnail", row_of(alice)), headers=SCRIPT)
    assert answer.status_code == 204


def test_mallory_gets_no_picture(web, guest, mallory):
    assert web(mallory).get(url("guest-thumbnail", guest)).status_code == 404
