"""Two browsers at one console: what their pages are told, and what they may ask of each other."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.streams.conftest import HELLO, end_of, run
from vms.models import Seat, Share
from vms.services import seats
from vms.streams import console as doors
from vms.streams import limits

pytestmark = pytest.mark.django_db(transaction=True)

KEY, UPDATE = b"\x04\x01\0\0\0\0\0a", b"\x03" + bytes(9)


class Page:
    """A browser's page at a console: what it was told last, and its guest's end of the display."""

    def __init__(self, socket_, display) -> None:
        self.socket, self.display = socket_, display
        self.told: dict = {}

    async def until(self, condition) -> dict:
        """Wait for a message of which the condition holds."""
        async with asyncio.timeout(5):
            while not (self.told and condition(self.told)):
                message = await self.socket.receive_output(5)
                assert message["type"] == "websocket.send", message
                if message.get("text"):
                    self.told = json.loads(message["text"])
        return self.told

    async def wish(self, kind: str, **more: str) -> None:
        await self.socket.send_to(text_data=json.dumps({"t": kind, **more}))

    async def arrives(self, count: int) -> bytes:
        """Return what the guest got next."""
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.display, count)


@pytest.fixture
def sit(browser_of, guest, ticket, displays):
    """await sit(user) opens a console with a page that speaks of seats."""

    def opener(user, mode: str = "control"):
        browser = browser_of(user)
        secret = ticket(browser, user, mode=mode)

        async def open_one() -> Page:
            protocols = ["binary", "seats", f"ticket.{secret}"]
            before = len(displays.ends)
            socket_ = browser.socket(f"/ws/console/{guest.pk}", subprotocols=protocols)
            is_open, protocol = await socket_.connect(timeout=5)
            assert (is_open, protocol) == (True, "binary")
            await socket_.send_to(bytes_data=HELLO)
            while len(displays.ends) == before:
                await asyncio.sleep(0.005)
            assert await displays.read(14)
            page = Page(socket_, displays.ends[-1])
            await page.until(lambda told: told["me"])
            return page

        return open_one

    return opener


@pytest.fixture
def pair(sit, guest, alice, bob):
    """alice, who owns the guest, and bob, who operates it."""
    Share.objects.create(vm=guest, user=bob, role="operator")
    return sit(alice), sit(bob)


def test_control_is_asked_for_and_handed_over_without_connecting_again(pair) -> None:
    async def body() -> None:
        alice, bob = await pair[0](), await pair[1]()
        await alice.until(lambda told: len(told["people"]) == 2)
        assert alice.told["control"]
        assert not bob.told["control"]
        await bob.socket.send_to(bytes_data=KEY + UPDATE)
        assert await bob.arrives(100) == UPDATE
        await alice.socket.send_to(bytes_data=KEY)
        assert await alice.arrives(100) == KEY
        await bob.wish("ask")
        told = await alice.until(lambda told: any(each["asks"] for each in told["people"]))
        (asker,) = [each for each in told["people"] if each["asks"]]
        assert (asker["name"], asker["id"]) == ("bob", bob.told["me"])
        await alice.wish("give", to=asker["id"])
        await bob.until(lambda told: told["control"])
        await alice.until(lambda told: not told["control"])
        assert await alice.arrives(100) == b"\x04\0" + KEY[2:], "her key is let go"
        await alice.socket.send_to(bytes_data=KEY + UPDATE)
        assert await alice.arrives(100) == UPDATE
        await bob.socket.send_to(bytes_data=KEY)
        assert await bob.arrives(100) == KEY
        for page in (alice, bob):
            await page.socket.disconnect()
        assert doors.consoles_open.count == 0

    run(body)


def test_the_owner_takes_over_and_an_operator_cannot(pair) -> None:
    async def body() -> None:
        bob, alice = await pair[1](), await pair[0]()
        assert bob.told["control"]
        assert not bob.told["may"]["take"]
        await alice.wish("take")
        await bob.until(lambda told: not told["control"])
        await bob.wish("take")
        await bob.wish("ask")
        await alice.until(lambda told: any(each["asks"] for each in told["people"]))
        assert alice.told["control"]

    run(body)


def test_who_does_not_answer_and_does_not_use_the_guest_loses_control(pair, monkeypatch) -> None:
    monkeypatch.setattr(seats, "ASK_S", 0.3)

    async def body() -> None:
        alice, bob = await pair[0](), await pair[1]()
        await bob.wish("ask")
        await bob.until(lambda told: told["control"])
        await alice.until(lambda told: not told["control"])

    run(body)


def test_who_uses_the_guest_meanwhile_keeps_control(pair, monkeypatch) -> None:
    monkeypatch.setattr(seats, "ASK_S", 0.4)

    async def body() -> None:
        alice, bob = await pair[0](), await pair[1]()
        await bob.wish("ask")
        await alice.until(lambda told: any(each["asks"] for each in told["people"]))
        await alice.socket.send_to(bytes_data=KEY)
        assert await alice.arrives(100) == KEY
        await bob.until(lambda told: any(each["asks"] for each in told["people"]))
        await bob.until(lambda told: not any(each["asks"] for each in told["people"]))
        assert not bob.told["control"]

    run(body)


def test_one_who_wants_to_be_alone_is_at_once(pair) -> None:
    async def body() -> None:
        alice, bob = await pair[0](), await pair[1]()
        await alice.wish("alone")
        assert await end_of(bob.socket) == 4423
        await alice.until(lambda told: told["alone"] and len(told["people"]) == 1)

    run(body)


def test_a_viewers_page_is_told_nothing_that_it_could_use(sit, guest, alice, carol) -> None:
    Share.objects.create(vm=guest, user=carol, role="viewer")
    owner, viewer = sit(alice), sit(carol, "view")

    async def body() -> None:
        hers, other = await owner(), await viewer()
        assert other.told["may"] == {"control": False, "take": False, "alone": False}
        for kind in ("claim", "ask", "take", "alone", "release"):
            await other.wish(kind)
        await other.wish("give", to=other.told["me"])
        await other.socket.send_to(bytes_data=KEY + UPDATE)
        assert await other.arrives(100) == UPDATE
        await other.socket.disconnect()
        await hers.until(lambda told: len(told["people"]) == 1)
        assert hers.told["control"]

    run(body)


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "null", "{", '{"t":"root"}', '{"t":["take"]}', '{"t":{}}', "x" * 2000]
)
def test_text_that_is_no_wish_ends_the_console(sit, alice, text) -> None:
    hers = sit(alice)

    async def body() -> None:
        page = await hers()
        await page.socket.send_input({"type": "websocket.receive", "text": text})
        assert await end_of(page.socket) == 4500

    run(body)


def test_a_client_that_does_not_speak_of_seats_gets_no_text(
    browser_of,
    alice,
    guest,
    ticket,
    displays,
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = hers.socket(
            f"/ws/console/{guest.pk}", subprotocols=["binary", f"ticket.{secret}"]
        )
        await socket_.connect(timeout=5)
        await socket_.send_to(bytes_data=HELLO)
        await displays.read(14)
        assert await socket_.receive_nothing(0.3)
        await socket_.send_to(text_data='{"t":"take"}')
        assert await end_of(socket_) == 4500

    run(body)


def test_seats_of_a_process_that_lives_are_renewed(sit, alice, monkeypatch) -> None:
    monkeypatch.setattr(doors, "RECHECK_S", 0.05)
    monkeypatch.setattr(seats, "BEAT_S", 0.0)
    hers = sit(alice)

    async def body() -> None:
        page = await hers()
        first = await asyncio.to_thread(lambda: Seat.objects.get().seen_at)
        async with asyncio.timeout(5):
            while await asyncio.to_thread(lambda: Seat.objects.get().seen_at) == first:
                await asyncio.sleep(0.01)
        await page.socket.disconnect()
        assert not await asyncio.to_thread(Seat.objects.exists)

    run(body)


@pytest.mark.parametrize(
    ("setting", "why"), [("console_idle_minutes", "idle"), ("console_hours", "time")]
)
def test_a_console_at_which_nobody_is_or_whose_time_is_over_warns_and_ends(
    sit, alice, settings, monkeypatch, setting, why
) -> None:
    monkeypatch.setattr(limits, "WARNING_S", 0.5)
    value = 0.6 / (60 if why == "idle" else 3600)
    settings.KVMWEB = settings.KVMWEB.model_copy(update={setting: value})
    hers = sit(alice)

    async def body() -> None:
        page = await hers()
        told = await page.until(lambda told: told["ends"])
        assert told["ends"]["why"] == why
        assert await end_of(page.socket) == 4405

    run(body)


def test_who_is_there_is_not_idle(sit, alice, settings, monkeypatch) -> None:
    monkeypatch.setattr(limits, "WARNING_S", 0.2)
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"console_idle_minutes": 0.6 / 60})
    hers = sit(alice)

    async def body() -> None:
        page = await hers()
        for _ in range(3):
            await page.until(lambda told: told["ends"])
            await page.wish("here")
            page.told = {}
        for _ in range(3):
            await page.until(lambda told: told["ends"])
            await page.socket.send_to(bytes_data=KEY)
            page.told = {}
        await page.socket.disconnect()

    run(body)
