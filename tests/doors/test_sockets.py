"""Websockets, for everybody: who gets in, and with which ticket."""

from __future__ import annotations

import socket
import uuid

import pytest

from tests.doors.cast import EVERYBODY, ROLES, SEE_VM, USE_VM, Access
from tests.streams.conftest import Browser, run
from vms.policy import Person
from vms.problems import Forbidden, NotFound
from vms.services import consoles
from vms.streams import console as doors

pytestmark = pytest.mark.django_db(transaction=True)
TICKETS: dict[str, Access] = {"control": USE_VM, "view": SEE_VM}


@pytest.fixture
def browsers(world) -> dict[str, Browser]:
    """A browser of each of the cast."""
    return {role: Browser(world.people.get(role)) for role in ROLES}


@pytest.fixture
def display(monkeypatch):
    """A display that says nothing; no host is asked."""
    ends: list[socket.socket] = []

    def open_one(_grant: object) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        ends.append(theirs)
        return ours

    monkeypatch.setattr(doors, "_open", open_one)
    yield
    for end in ends:
        end.close()


async def is_let_in(browser: Browser, path: str, secret: str = "") -> bool:
    protocols = ["binary", f"ticket.{secret}"] if secret else None
    opened = browser.socket(path, subprotocols=protocols)
    is_open, _how = await opened.connect(timeout=5)
    if is_open:
        await opened.disconnect()
    return is_open


def test_the_status_socket_is_for_those_who_are_logged_in(browsers):
    async def body() -> None:
        got = {role: await is_let_in(browsers[role], "/ws/status") for role in ROLES}
        assert got == {role: EVERYBODY.of(role) == "in" for role in ROLES}

    run(body)


def ticket(world, browsers, role: str, mode: str) -> str:
    """Ask for a ticket as a role; "403" or "404" where there is none."""
    actor = Person(world.people[role], session_key=browsers[role].session_key)
    try:
        return consoles.issue_ticket(actor=actor, vm_id=world.things["vm_id"], mode=mode).secret
    except Forbidden:
        return "403"
    except NotFound:
        return "404"


@pytest.mark.parametrize("mode", list(TICKETS))
def test_a_console_opens_for_those_who_get_a_ticket(world, browsers, display, mode):
    path = f"/ws/console/{world.things['vm_id']}"
    tickets = {role: ticket(world, browsers, role, mode) for role in world.people}
    refused = {role: kind for role, kind in tickets.items() if len(kind) == 3}
    assert refused == {
        role: TICKETS[mode].of(role) for role in world.people if TICKETS[mode].of(role) != "in"
    }

    async def body() -> None:
        for role, secret in tickets.items():
            assert await is_let_in(browsers[role], path, secret) is (role not in refused), role
        for role in ROLES:
            assert not await is_let_in(browsers[role], path, "invented"), role
            assert not await is_let_in(browsers[role], path), role

    run(body)


def test_a_stranger_cannot_tell_a_console_of_others_from_nothing(world, browsers):
    there, nowhere = world.things["vm_id"], str(uuid.uuid4())
    answers = []

    async def body() -> None:
        for vm_id in (there, nowhere):
            opened = browsers["stranger"].socket(
                f"/ws/console/{vm_id}", subprotocols=["binary", "ticket.invented"]
            )
            answers.append(await opened.connect(timeout=5))

    run(body)
    assert answers[0] == answers[1]


def test_the_frames_of_a_stranger_hold_no_name(world, browsers):
    async def body() -> None:
        opened = browsers["stranger"].socket("/ws/status")
        await opened.connect(timeout=5)
        await opened.send_json_to({"t": "watch", "ids": [world.things["vm_id"]]})
        await opened.send_json_to({"t": "ping"})
        frames = ""
        while '"pong"' not in frames:
            frames += await opened.receive_from(5)
        assert "secret name" not in frames
        assert world.things["vm_id"] not in frames
        await opened.disconnect()

    run(body)


def test_nobody_is_let_in_anywhere_else(browsers):
    async def body() -> None:
        for path in ("/ws/", "/ws/consoles", "/ws/status/x", "/"):
            assert not await is_let_in(browsers["admin"], path), path

    run(body)
