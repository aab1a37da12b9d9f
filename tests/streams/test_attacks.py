"""Attacks on a console's socket, each by its usual name."""

from __future__ import annotations

import asyncio
import struct
import uuid

import pytest

from tests.streams.conftest import HELLO, end_of, opened, refused, run
from vms.live.hub import hub
from vms.live.messages import Hint, HintKind
from vms.models import VM, AuditEntry, Seat, Ticket
from vms.services.consoles import ConsoleGrant
from vms.streams import console as doors
from vms.streams.limits import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost:8001"])
def test_missing_null_and_foreign_origin(
    browser_of, alice, guest, ticket, displays, origin
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        assert await refused(hers, guest, secret, origin=origin)

    run(body)
    assert displays.ends == []
    assert AuditEntry.objects.get(phase="refused").detail["flaw"] == "origin"


def test_ticket_for_vm_a_at_the_url_of_vm_b(browser_of, alice, guest, ticket, displays) -> None:
    other = uuid.uuid4()
    b = VM.objects.create(
        pk=other,
        domain_uuid=other,
        host=guest.host,
        name="b",
        owner=alice,
        state="running",
        has_vnc=True,
    )
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        assert await refused(hers, b, secret)
        assert await refused(hers, guest, secret), "it is burned"

    run(body)
    assert displays.ends == []


def test_slow_loris_who_opens_a_console_and_never_greets(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
    monkeypatch,
) -> None:
    monkeypatch.setattr(doors, "GREETING_S", 0.2)
    monkeypatch.setattr(doors, "RECHECK_S", 0.05)
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO[:13])
        assert await end_of(socket_) == 4408
        assert doors.consoles_open.count == 0

    run(body)
    assert not Seat.objects.exists()


@pytest.mark.parametrize(
    "message",
    [
        struct.pack(">B3xi", 6, 2**31 - 1),
        struct.pack(">B3xi", 6, -(2**31)),
        struct.pack(">BxH", 2, 65535),
        b"\xf8\0\0\0\0\0\0\0\xff",
    ],
)
@pytest.mark.parametrize("mode", ["view", "control"])
def test_rfb_with_4_gib_lengths(browser_of, alice, guest, ticket, displays, mode, message) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice, mode=mode)

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO + message)
        assert await end_of(socket_) == 4500

    run(body)


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n", b"\0" * 4096, b"RFB 999.999\n"])
def test_an_oversized_or_foreign_rfb_handshake(
    browser_of, alice, guest, ticket, displays, junk
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=junk)
        assert await end_of(socket_) == 4500

    run(body)


def test_many_tickets_of_a_stranger_fill_neither_table_nor_audit_trail(
    browser_of,
    mallory,
    guest,
    displays,
) -> None:
    his = browser_of(None)

    async def body() -> None:
        for number in range(50):
            assert await refused(his, guest, f"guess-{number}")

    run(body)
    assert not Ticket.objects.exists()
    assert not AuditEntry.objects.exists()


async def _hint_always(vm_id: str) -> None:
    while True:
        hub.dispatch([Hint(HintKind.CONSOLES, vm_id)])
        await asyncio.sleep(0)


def test_consoles_opened_and_dropped_leave_no_task_seat_or_display(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
) -> None:
    hers = browser_of(alice)
    secrets = [ticket(hers, alice) for _ in range(60)]

    async def body() -> None:
        await asyncio.sleep(0)
        before = len(asyncio.all_tasks())
        # Others come and go all the time: hints arrive at every moment, that of an end included.
        hints = asyncio.create_task(_hint_always(str(guest.pk)))
        for number, secret in enumerate(secrets):
            socket_ = await opened(hers, guest, secret)
            if number % 2:
                await socket_.send_to(bytes_data=HELLO)
            await socket_.disconnect()
        hints.cancel()
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > before or doors.consoles_open.count:
                await asyncio.sleep(0.01)
            for end in displays.ends:
                assert await asyncio.get_running_loop().sock_recv(end, 64) in (
                    b"",
                    HELLO[:13] + b"\x01",
                )

    run(body)
    assert not Seat.objects.exists()


class _Idle:
    """A relay and a keeper at whom nothing happens."""

    def stalled_s(self) -> float:
        return 0.0

    def greeting_s(self) -> float:
        return 0.0

    async def look(self, _relay) -> str:
        return ""

    def next_s(self, longest_s: float) -> float:
        return longest_s


def test_a_console_that_ends_while_somebody_else_comes_ends_all_the_same(guest) -> None:
    grant = ConsoleGrant(
        "t", str(guest.pk), "g", "h", "", "", "u", "alice", "", "", "vnc", "control", ""
    )

    async def body() -> None:
        idle = _Idle()
        guard = asyncio.create_task(doors._guard(idle, grant, idle, Clock(0, 0)))
        for _ in range(5):
            await asyncio.sleep(0)
        hub.dispatch([Hint(HintKind.CONSOLES, str(guest.pk))])
        guard.cancel()
        done, _pending = await asyncio.wait([guard], timeout=2)
        assert guard in done, "it forgot that it was cancelled"

    run(body)
