"""Websockets without a network: a communicator on the real ASGI application, and the hub."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from vms.models import VM, Host
from vms.policy import Person
from vms.services import consoles
from vms.streams import console as doors

ORIGIN = "http://localhost:8000"


class Browser:
    """Somebody's browser: his session cookie, and sockets that he opens."""

    def __init__(self, user: object | None) -> None:
        self.client = Client()
        if user is not None:
            self.client.force_login(user)

    @property
    def session_key(self) -> str:
        cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        return cookie.value if cookie else ""

    def socket(
        self,
        path: str = "/ws/status",
        *,
        origin: str | None = ORIGIN,
        subprotocols: list[str] | None = None,
    ) -> WebsocketCommunicator:
        from kvmweb.asgi import application

        headers = [(b"host", b"localhost:8000")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if self.session_key:
            cookie = f"other=1; {settings.SESSION_COOKIE_NAME}={self.session_key}"
            headers.append((b"cookie", cookie.encode()))
        return WebsocketCommunicator(application, path, headers, subprotocols)


@pytest.fixture
def browser_of() -> Callable[[object | None], Browser]:
    """Make a browser in which that user is logged in, or nobody."""
    return Browser


@asynccontextmanager
async def serving():
    """The hub of a server, on the running loop."""
    from vms.live import publish
    from vms.live.hub import hub

    publish.attach(asyncio.get_running_loop())
    await hub.start()
    try:
        yield hub
    finally:
        publish.detach()
        await hub.stop()
        hub.__init__()  # what a test left open is not there for the next one


async def receive(socket: WebsocketCommunicator, kind: str, timeout_s: float = 5) -> dict:
    """Wait for a message of that kind; others in between are dropped."""
    async with asyncio.timeout(timeout_s):
        while True:
            message = json.loads(await socket.receive_from(timeout_s))
            if message["t"] == kind:
                return message


async def received_until(socket: WebsocketCommunicator, kind: str) -> list[dict]:
    """Return all messages up to one of that kind."""
    messages = []
    async with asyncio.timeout(5):
        while True:
            messages.append(json.loads(await socket.receive_from(5)))
            if messages[-1]["t"] == kind:
                return messages


def run(body: Callable[[], Awaitable[None]]) -> None:
    """Run an asynchronous test with a hub."""

    async def main() -> None:
        async with serving(), asyncio.timeout(30):
            await body()

    asyncio.run(main())


HELLO = b"RFB 003.008\n\x01\x00"


@pytest.fixture
def guest(db, alice) -> VM:
    host = Host.objects.create(name="h", uri="qemu:///system", status="connected")
    key = uuid.uuid4()
    return VM.objects.create(
        pk=key,
        host=host,
        domain_uuid=key,
        name="g",
        owner=alice,
        state="running",
        has_vnc=True,
    )


class Displays:
    """The guests' ends of the displays that were opened."""

    def __init__(self) -> None:
        self.ends: list[socket.socket] = []
        self.refusal: Exception | None = None

    def open(self, _grant: object) -> socket.socket:
        if self.refusal:
            raise self.refusal
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.ends.append(theirs)
        return ours

    async def read(self, count: int) -> bytes:
        while not self.ends:
            await asyncio.sleep(0)
        data = b""
        while len(data) < count:
            piece = await asyncio.get_running_loop().sock_recv(self.ends[-1], count)
            if not piece:
                break
            data += piece
        return data


@pytest.fixture
def displays(monkeypatch) -> Displays:
    made = Displays()
    monkeypatch.setattr(doors, "_open", made.open)
    yield made
    for end in made.ends:
        end.close()


@pytest.fixture
def ticket(guest):
    """ticket(browser, user) asks for a ticket as that browser's user."""

    def ask(browser, user, mode: str = "control", **more) -> str:
        actor = Person(user, session_key=browser.session_key, **more)
        return consoles.issue_ticket(actor=actor, vm_id=guest.pk, mode=mode).secret

    return ask


def socket_for(browser, guest, secret: str, **more):
    protocols = ["binary", f"ticket.{secret}"] if secret else ["binary"]
    return browser.socket(f"/ws/console/{guest.pk}", subprotocols=protocols, **more)


async def opened(browser, guest, secret: str, **more):
    socket_ = socket_for(browser, guest, secret, **more)
    is_open, protocol = await socket_.connect(timeout=5)
    assert is_open
    assert protocol == "binary"
    return socket_


async def refused(browser, guest, secret: str, **more) -> bool:
    is_open, _code = await socket_for(browser, guest, secret, **more).connect(timeout=5)
    return not is_open


async def end_of(socket_) -> int:
    async with asyncio.timeout(10):
        while True:
            message = await socket_.receive_output(10)
            if message["type"] == "websocket.close":
                return message["code"]
