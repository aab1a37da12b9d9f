"""Websockets without a network: a communicator on the real ASGI application, and the hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

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
