"""How websockets end: the close codes that pages explain, and refusals before the handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from vms.hypervisor.errors import HypervisorError
from vms.rfb import doors
from vms.rfb.doors import (
    ALONE,
    BROWSER_GONE,
    DEACTIVATED,
    FAILED,
    GUEST_ENDED,
    HOST_AWAY,
    IDLE,
    LINK_ENDED,
    LOGGED_OUT,
    NO_GREETING,
    NOT_RECORDED,
    REVOKED,
    SERIAL_BUSY,
    TIME_OVER,
    TOO_MANY,
    TOO_SLOW,
    VM_GONE,
    Ending,
)

__all__ = [
    "ALONE",
    "BROWSER_GONE",
    "DEACTIVATED",
    "FAILED",
    "GUEST_ENDED",
    "HOST_AWAY",
    "IDLE",
    "LINK_ENDED",
    "LOGGED_OUT",
    "NOT_RECORDED",
    "NO_GREETING",
    "REVOKED",
    "SERIAL_BUSY",
    "TIME_OVER",
    "TOO_MANY",
    "TOO_SLOW",
    "VM_GONE",
    "Ending",
    "ending_of",
    "refuse",
]

Scope = MutableMapping[str, Any]  # Any: ASGI's own shapes
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def ending_of(error: HypervisorError) -> Ending:
    """Return how a console ends whose display or device could not be opened, or was lost."""
    return doors.ending_of_error(error.code)


async def refuse(scope: Scope, send: Send, status: int = 403) -> None:
    """Refuse a websocket before its handshake; a browser sees 1006 whatever the status."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4403})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})
