"""How websockets end: the close codes that pages explain, and refusals before the handshake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from vms.hypervisor.errors import (
    DomainNotFound,
    HostAway,
    HostBusy,
    HostTimeout,
    HypervisorError,
    SerialBusy,
    WrongState,
)

Scope = MutableMapping[str, Any]  # Any: ASGI's own shapes
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a socket ends: a close code of ours and a word for page, log and audit."""

    code: int
    reason: str


BROWSER_GONE = Ending(1000, "browser-gone")
LOGGED_OUT = Ending(4401, "logged-out")
DEACTIVATED = Ending(4401, "deactivated")
REVOKED = Ending(4403, "revoked")
VM_GONE = Ending(4404, "vm-gone")
LINK_ENDED = Ending(4403, "link-ended")
IDLE = Ending(4405, "idle")
TIME_OVER = Ending(4405, "time-over")
SERIAL_BUSY = Ending(4409, "console-serial-busy")
TOO_SLOW = Ending(4408, "too-slow")
NO_GREETING = Ending(4408, "no-greeting")
GUEST_ENDED = Ending(4410, "guest-ended")
ALONE = Ending(4423, "console-exclusive")
TOO_MANY = Ending(4429, "too-many-consoles")
FAILED = Ending(4500, "failed")
HOST_AWAY = Ending(4503, "host-away")


def ending_of(error: HypervisorError) -> Ending:
    """Return how a console ends whose display or device could not be opened, or was lost."""
    match error:
        case HostAway() | HostBusy() | HostTimeout():
            return HOST_AWAY
        case WrongState():
            return GUEST_ENDED
        case DomainNotFound():
            return VM_GONE
        case SerialBusy():
            return SERIAL_BUSY
        case _:
            return Ending(FAILED.code, error.code)


async def refuse(scope: Scope, send: Send, status: int = 403) -> None:
    """Refuse a websocket before its handshake; a browser sees 1006 whatever the status."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4403})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})
