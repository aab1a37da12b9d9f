"""Who gets a console, and when it ends. The display is a socket whose other end the test holds."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
import uuid
from pathlib import Path

import pytest

from tests.streams.conftest import HELLO, end_of, opened, receive, refused, run, socket_for
from vms.hypervisor.errors import DomainNotFound, HostAway, Unsupported, WrongState
from vms.live import publish
from vms.models import VM, AuditEntry, Share, Ticket
from vms.policy import Person, SystemActor
from vms.services import leaving, tokens
from vms.services.secrets import digest
from vms.streams import console as doors

pytestmark = pytest.mark.django_db(transaction=True)


async def audited(action: str) -> AuditEntry:
    async with asyncio.timeout(5):
        while True:
            entry = await asyncio.to_thread(AuditEntry.objects.filter(action=action).first)
            if entry:
                return entry
            await asyncio.sleep(0.01)


def test_a_ticket_opens_the_screen_and_everything_is_relayed(
    browser_of, alice, guest, ticket, displays
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO)
        assert await displays.read(14) == b"RFB 003.008\n\x01\x01"
        displays.ends[0].send(b"a picture")
        assert await socket_.receive_from(5) == b"a picture"
        await socket_.disconnect()
        assert await displays.read(1) == b""
        entry = await audited("console.close")
        assert entry.actor == alice
        assert entry.detail["reason"] == "browser-gone"
        assert (entry.detail["bytes_in"], entry.detail["bytes_out"]) == (14, 9)
        assert (await audited("console.open")).target_id == str(guest.pk)
        assert doors.consoles_open.count == 0

    run(body)


def test_a_ticket_for_watching_lets_nothing_be_typed(
    browser_of, alice, guest, ticket, displays
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice, mode="view")

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO)
        assert await displays.read(14) == b"RFB 003.008\n\x01\x01"
        await socket_.send_to(bytes_data=b"\x04\x01\0\0\0\0\0a")
        await socket_.send_to(bytes_data=b"\x03" + bytes(9))
        assert await displays.read(10) == b"\x03" + bytes(9)
        await socket_.disconnect()
        assert (await audited("console.close")).detail["mode"] == "view"

    run(body)


def test_a_ticket_works_once(browser_of, alice, guest, ticket, displays) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        first = await opened(hers, guest, secret)
        assert await refused(hers, guest, secret)
        await first.disconnect()

    run(body)
    assert AuditEntry.objects.filter(phase="refused", detail__flaw="used").exists()


def test_a_ticket_is_for_its_user_session_guest_and_half_minute(
    browser_of, alice, mallory, admin, guest, ticket, displays
) -> None:
    hers, his, other = browser_of(alice), browser_of(mallory), browser_of(alice)
    elsewhere = VM(pk=uuid.uuid4())

    def late() -> str:
        secret = ticket(hers, alice)
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
        Ticket.objects.filter(secret_hash=digest(secret)).update(expires_at=past)
        return secret

    secrets = [ticket(hers, alice) for _ in range(4)]
    late_one = late()

    async def body() -> None:
        assert await refused(his, guest, secrets[0])
        assert await refused(other, guest, secrets[1])
        assert await refused(hers, elsewhere, secrets[2])
        assert await refused(browser_of(None), guest, secrets[3])
        assert await refused(hers, guest, late_one)
        assert await refused(hers, guest, "guessed")
        assert await refused(hers, guest, "")

    run(body)
    assert displays.ends == []
    flaws = set(AuditEntry.objects.filter(phase="refused").values_list("detail__flaw", flat=True))
    assert {"other-session", "other-vm", "late", "unknown"} <= flaws


@pytest.mark.parametrize("origin", [None, "http://evil.example", "https://localhost:8000"])
def test_a_page_of_another_origin_cannot_use_a_stolen_ticket(
    browser_of, alice, guest, ticket, displays, origin
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        assert await refused(hers, guest, secret, origin=origin)

    run(body)


def test_a_ticket_of_a_bearer_token_needs_neither_cookie_nor_origin(
    browser_of, alice, guest, ticket, displays
) -> None:
    token, _secret = tokens.create(actor=SystemActor(), user=alice, name="script")
    nobody = browser_of(None)
    secret = ticket(nobody, alice, token=token)

    async def body() -> None:
        socket_ = await opened(nobody, guest, secret, origin=None)
        await socket_.disconnect()

    run(body)


def test_who_does_not_offer_binary_is_refused(browser_of, alice, guest, ticket, displays) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = hers.socket(f"/ws/console/{guest.pk}", subprotocols=[f"ticket.{secret}"])
        is_open, _code = await socket_.connect(timeout=5)
        assert not is_open

    run(body)


@pytest.mark.parametrize("path", ["", "x", "../status", "0", "%2e"])
def test_a_path_that_names_no_guest_is_refused(browser_of, alice, displays, path) -> None:
    async def body() -> None:
        socket_ = browser_of(alice).socket(
            f"/ws/console/{path}", subprotocols=["binary", "ticket.x"]
        )
        is_open, _code = await socket_.connect(timeout=5)
        assert not is_open

    run(body)


def test_closing_an_account_ends_its_sockets_console_session_and_token_within_five_seconds(
    browser_of, admin, alice, guest, ticket, displays
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)
    _token, bearer = tokens.create(actor=Person(alice), user=alice, name="t")

    def close() -> None:
        leaving.close_account(actor=Person(admin), user_id=alice.pk, heir_id=None)

    async def body() -> None:
        status = hers.socket()
        await status.connect(timeout=5)
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO)
        await displays.read(14)
        began_s = time.monotonic()
        closing = asyncio.create_task(asyncio.to_thread(close))
        assert (await receive(status, "bye"))["why"] == "deactivated"
        assert await end_of(socket_) == 4401
        assert await displays.read(1) == b""
        assert time.monotonic() - began_s < 5
        await closing

    run(body)
    assert tokens.authenticate(bearer) is None
    assert hers.client.get("/").status_code == 302


def _rights_taken(guest, alice, _browser) -> None:
    VM.objects.filter(pk=guest.pk).update(owner=None)
    publish.rights_changed(str(alice.pk))


def _guest_deleted(guest, _alice, _browser) -> None:
    key = str(guest.pk)
    VM.objects.filter(pk=key).delete()
    publish.vm_gone(key)


def _deactivated(_guest, alice, _browser) -> None:
    type(alice).objects.filter(pk=alice.pk).update(is_active=False)
    publish.rights_changed(str(alice.pk))


def _logged_out(_guest, _alice, browser) -> None:
    browser.client.logout()


@pytest.mark.parametrize(
    ("happens", "code"),
    [(_rights_taken, 4403), (_guest_deleted, 4404), (_deactivated, 4401), (_logged_out, 4401)],
)
def test_a_console_ends_within_seconds_when_its_reason_does(
    browser_of, alice, guest, ticket, displays, monkeypatch, happens, code
) -> None:
    if happens is _logged_out:
        monkeypatch.setattr(doors, "RECHECK_S", 0.1)
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO)
        await displays.read(14)
        await asyncio.to_thread(happens, guest, alice, hers)
        async with asyncio.timeout(2):
            assert await end_of(socket_) == code
        assert await displays.read(1) == b""
        assert doors.consoles_open.count == 0

    run(body)


def test_who_becomes_a_viewer_loses_control_of_an_open_console_and_may_watch_on(
    browser_of, bob, guest, ticket, displays
) -> None:
    Share.objects.create(vm=guest, user=bob, role="operator")
    his = browser_of(bob)
    secret = ticket(his, bob)
    key, update = b"\x04\x01\0\0\0\0\0a", b"\x03" + bytes(9)

    def demote() -> None:
        Share.objects.filter(user=bob).update(role="viewer")
        publish.rights_changed(str(bob.pk))

    async def body() -> None:
        socket_ = await opened(his, guest, secret)
        await socket_.send_to(bytes_data=HELLO + key)
        assert await displays.read(22) == b"RFB 003.008\n\x01\x01" + key
        await asyncio.to_thread(demote)
        assert await displays.read(8) == b"\x04\0" + key[2:]  # what he held is let go
        await socket_.send_to(bytes_data=key + update)
        assert await displays.read(10) == update
        await socket_.disconnect()

    run(body)


def test_a_guest_that_is_powered_off_ends_its_console(
    browser_of, alice, guest, ticket, displays
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        socket_ = await opened(hers, guest, secret)
        await socket_.send_to(bytes_data=HELLO)
        await displays.read(14)
        displays.ends[0].close()
        assert await end_of(socket_) == 4410
        assert (await audited("console.close")).detail["reason"] == "guest-ended"

    run(body)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HostAway(reason="x"), 4503),
        (WrongState(detail="off"), 4410),
        (DomainNotFound(uuid="x"), 4404),
        (Unsupported(what="vnc"), 4500),
    ],
)
def test_a_display_that_cannot_be_opened_says_why(
    browser_of, alice, guest, ticket, displays, error, code
) -> None:
    hers = browser_of(alice)
    secret = ticket(hers, alice)
    displays.refusal = error

    async def body() -> None:
        assert await end_of(await opened(hers, guest, secret)) == code
        assert doors.consoles_open.count == 0

    run(body)


@pytest.mark.parametrize("limit", ["console_max_per_user", "console_max_per_vm"])
def test_one_console_too_many_is_closed_and_frees_nobody_elses_seat(
    browser_of, alice, guest, ticket, displays, settings, limit
) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={limit: 1})
    hers = browser_of(alice)
    secrets = [ticket(hers, alice) for _ in range(3)]

    async def body() -> None:
        first = await opened(hers, guest, secrets[0])
        assert await end_of(await opened(hers, guest, secrets[1])) == 4429
        assert doors.consoles_open.count == 1
        await first.disconnect()
        third = await opened(hers, guest, secrets[2])
        await third.disconnect()
        assert doors.consoles_open.count == 0

    run(body)


def test_a_browser_that_does_not_take_the_picture_is_closed(
    browser_of, alice, guest, ticket, displays, monkeypatch
) -> None:
    monkeypatch.setattr(doors, "RECHECK_S", 0.05)
    monkeypatch.setattr(doors, "STALLED_S", 0.2)
    hers = browser_of(alice)
    secret = ticket(hers, alice)

    async def body() -> None:
        from kvmweb.asgi import application

        socket_ = socket_for(hers, guest, secret)
        arriving: asyncio.Queue[dict] = asyncio.Queue()
        arriving.put_nowait({"type": "websocket.connect"})
        endings = []

        async def send(message) -> None:
            if message["type"] == "websocket.send":
                await asyncio.Event().wait()
            endings.append(message.get("code"))

        serving = asyncio.create_task(application(socket_.scope, arriving.get, send))
        while not displays.ends:
            await asyncio.sleep(0)
        displays.ends[0].send(b"picture")
        await asyncio.wait_for(serving, 5)
        assert endings == [None, 4408]

    run(body)


def open_sockets() -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum("socket:" in os.path.realpath(link) for link in links)


def test_no_descriptor_is_left_after_many_consoles(
    browser_of, alice, guest, ticket, displays
) -> None:
    hers = browser_of(alice)
    secrets = [ticket(hers, alice) for _ in range(12)]

    async def body() -> None:
        async def once(secret: str) -> None:
            socket_ = await opened(hers, guest, secret)
            await socket_.send_to(bytes_data=HELLO)
            await displays.read(14)
            await socket_.disconnect()
            displays.ends.pop().close()

        for secret in secrets[:4]:
            await once(secret)
        await audited("console.close")
        before = open_sockets()
        for secret in secrets[4:]:
            await once(secret)
        assert open_sockets() <= before

    run(body)
