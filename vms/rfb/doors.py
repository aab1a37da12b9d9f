"""What the site and a gateway share at the door of a console: how a ticket is shown, which Origin
is one's own, and why a console ends. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

SUBPROTOCOL = "binary"
SEATS_SUBPROTOCOL = "seats"
"""Text messages about who has control are understood."""
TICKET_PREFIX = "ticket."
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Of a websocket. A console carries no more than a clipboard at once."""
DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a socket ends: a close code of ours and a word for page, log and audit."""

    code: int
    reason: str


BROWSER_GONE = Ending(1000, "browser-gone")
LOGGED_OUT = Ending(4401, "logged-out")
DEACTIVATED = Ending(4401, "deactivated")
REVOKED = Ending(4403, "revoked")
LINK_ENDED = Ending(4403, "link-ended")
VM_GONE = Ending(4404, "vm-gone")
IDLE = Ending(4405, "idle")
TIME_OVER = Ending(4405, "time-over")
TOO_SLOW = Ending(4408, "too-slow")
NO_GREETING = Ending(4408, "no-greeting")
SERIAL_BUSY = Ending(4409, "console-serial-busy")
GUEST_ENDED = Ending(4410, "guest-ended")
ALONE = Ending(4423, "console-exclusive")
NOT_RECORDED = Ending(4424, "not-recorded")
TOO_MANY = Ending(4429, "too-many-consoles")
FAILED = Ending(4500, "failed")
NOT_RFB = Ending(4500, "not-rfb")
NOT_BINARY = Ending(4500, "not-binary")
HOST_AWAY = Ending(4503, "host-away")
BY_REASON: Mapping[str, Ending] = {
    each.reason: each
    for each in (
        LOGGED_OUT,
        DEACTIVATED,
        REVOKED,
        VM_GONE,
        LINK_ENDED,
        IDLE,
        TIME_OVER,
        ALONE,
        TOO_MANY,
        NOT_RECORDED,
        GUEST_ENDED,
        HOST_AWAY,
    )
}
"""Endings that somebody else decides on, who says the reason alone."""


_BY_ERROR: Mapping[str, Ending] = {
    "host-away": HOST_AWAY,
    "host-busy": HOST_AWAY,
    "host-timeout": HOST_AWAY,
    "wrong-state": GUEST_ENDED,
    "domain-not-found": VM_GONE,
    "console-serial-busy": SERIAL_BUSY,
}


def ending_of_error(code: str) -> Ending:
    """Return how a console ends whose display or device could not be opened, or was lost."""
    return _BY_ERROR.get(code) or Ending(FAILED.code, code)


def ticket_of(subprotocols: Iterable[str]) -> str:
    """Return the ticket among the subprotocols that a client offers, or "".

    One who does not offer "binary" as well speaks nothing that we do.
    """
    offered = tuple(subprotocols)
    if SUBPROTOCOL not in offered:
        return ""
    for each in offered:
        if each.startswith(TICKET_PREFIX):
            return each.removeprefix(TICKET_PREFIX)
    return ""


def normalised(origin: str) -> str:
    """Return scheme://host:port in lower case with the port always there; "" if it is no origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    is_bare = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    if not parts.hostname or port is None or not is_bare:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port}"
