"""The console page and its ticket."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.urls import reverse

from tests.web.conftest import tree
from vms.models import VM, AuditEntry, AuditPhase, Host, Ticket
from vms.policy import Person
from vms.services import audit
from vms.web.guestpage import history_lines


@pytest.fixture
def guest(row_of, alice, test_host):
    Host.objects.filter(pk=test_host.pk).update(facts={"can_graphics_fd": True})
    return row_of(alice, state="running", has_vnc=True)


def url(name: str, guest: VM) -> str:
    return reverse(name, args=[guest.pk])


def test_page_tells_the_script_where_to_ask(web, guest, alice):
    (place,) = tree(web(alice).get(url("guest-console", guest))).cssselect("#console")
    assert place.get("data-ticket-url") == url("guest-ticket", guest)
    assert place.get("data-start-url") == reverse("guest-power", args=[guest.pk, "start"])


def test_ticket_gives_path_and_protocols(web, guest, alice):
    answer = web(alice).post(url("guest-ticket", guest))
    assert answer.status_code == 201
    body = json.loads(answer.content)
    assert body["url"] == f"/ws/console/{guest.pk}"
    *kinds, ticket = body["protocols"]
    assert kinds == ["binary", "seats"]
    assert len(ticket.removeprefix("ticket.")) >= 40
    assert "no-store" in answer["Cache-Control"]


def test_ticket_for_watching_is_one(web, guest, alice):
    assert web(alice).post(url("guest-ticket", guest), {"mode": "view"}).status_code == 201
    assert Ticket.objects.get().mode == "view"
    answer = web(alice).post(url("guest-ticket", guest), {"mode": "root"})
    assert answer.status_code == 409


def test_ticket_for_a_serial_port(web, guest, alice):
    VM.objects.update(xml="<domain><devices><serial type='pty'/></devices></domain>")
    assert web(alice).post(url("guest-ticket", guest), {"kind": "serial"}).status_code == 201
    assert Ticket.objects.get().kind == "serial"
    for device in ("1", "-1", "x", "99999999999999999999", "²"):
        wanted = {"kind": "serial", "device": device}
        answer = web(alice).post(url("guest-ticket", guest), wanted)
        assert json.loads(answer.content)["code"] == "console-no-serial"


def test_ticket_belongs_to_the_session(web, guest, alice):
    client = web(alice)
    client.post(url("guest-ticket", guest))
    ticket = Ticket.objects.get()
    assert ticket.session_key == client.session.session_key
    assert ticket.user == alice


def test_guest_that_is_off_gives_no_ticket_but_the_reason(web, guest, alice):
    VM.objects.update(state="off")
    answer = web(alice).post(url("guest-ticket", guest))
    assert answer.status_code == 409
    assert json.loads(answer.content)["code"] == "console-off"


@pytest.mark.parametrize(
    ("kind", "mode", "words"),
    [("vnc", "control", "Screen"), ("serial", "view", "Serial 2, only watched")],
)
def test_history_says_what_was_opened_and_how(guest, alice, kind, mode, words):
    detail = {"kind": kind, "mode": mode, "device": 1}
    trail = audit.Trail(Person(alice), "console.open", audit.about(guest), detail=detail)
    audit.write(trail, AuditPhase.SUCCEEDED)
    (line,) = history_lines(AuditEntry.objects.filter(action="console.open"))
    assert line.detail == words


def test_page_offers_what_the_guest_has(web, guest, alice):
    def shown() -> list[str]:
        answer = tree(web(alice).get(url("guest-console", guest)))
        return [panel.get("data-panel") for panel in answer.cssselect("[data-panel]")]

    assert shown() == ["screen"]
    two = "<domain><devices><serial type='pty'/><serial type='pty'/></devices></domain>"
    VM.objects.update(xml=two)
    assert shown() == ["screen", "serial-0", "serial-1"]
    VM.objects.update(has_vnc=False)
    assert shown() == ["serial-0", "serial-1"]


def test_page_lists_every_layout_that_scripts_know(web, guest, alice):
    page = tree(web(alice).get(url("guest-console", guest)))
    listed = {option.get("value") for option in page.cssselect("#paste-layout option")}
    folder = Path(__file__).parents[2] / "static" / "src" / "console" / "layouts"
    assert listed == {path.stem for path in folder.glob("*.js")} - {"index"}


def test_get_gives_no_ticket(web, guest, alice):
    assert web(alice).get(url("guest-ticket", guest)).status_code == 405
    assert not Ticket.objects.exists()


def test_mallory_gets_no_ticket(web, guest, mallory):
    assert web(mallory).post(url("guest-ticket", guest)).status_code == 404
    assert not Ticket.objects.exists()
