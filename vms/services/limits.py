"""How often something may be asked for: counted in the cache, in windows that begin by the clock.

Around the end of a window twice as much may pass within one window's time; that is meant. Where
there are several processes, the cache that they share counts for all of them.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass

from django.core.cache import cache

from vms.problems import TooMany
from vms.services.secrets import digest


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` times within `window_s` seconds for each key."""

    name: str
    amount: int
    window_s: int
    is_by_address: bool = False
    """Keys are addresses: of IPv6 the network counts, of which one person has 2^64 addresses."""


BAD_TOKENS = Limit("bad-token", 30, 60, is_by_address=True)
"""Bearer tokens that are none, by address; good ones are not counted and not held up."""
TICKETS = Limit("ticket", 120, 60)
"""Console tickets, by person."""
BAD_TICKETS = Limit("bad-ticket", 30, 60, is_by_address=True)
"""Console tickets that are none, by address."""
UPLOADS = Limit("upload", 60, 60)
"""Uploads that begin, by person; parts of one that is under way are not counted."""
INVITATIONS = Limit("invitation", 20, 60, is_by_address=True)
"""Invitations that are none, by address."""
REGISTRATIONS = Limit("registration", 5, 3600, is_by_address=True)
"""Accounts that strangers register, by address."""


LINKS = Limit("link", 20, 600, is_by_address=True)
"""Links that are none or wrong passphrases of some, by address."""
PASSPHRASES = Limit("passphrase", 10, 600)
"""Wrong passphrases, by link."""


def spend(limit: Limit, key: str) -> None:
    """Count one for that key. Raises TooMany when the window's amount is used up."""
    now_s = time.time()
    if _count(limit, key, now_s) > limit.amount:
        raise TooMany(_wait_s(limit, now_s))


def require_left(limit: Limit, key: str) -> None:
    """Raise TooMany when nothing is left for that key; counts nothing."""
    now_s = time.time()
    if _counted(limit, key, now_s) >= limit.amount:
        raise TooMany(_wait_s(limit, now_s))


def is_left(limit: Limit, key: str) -> bool:
    """Say whether anything is left for that key; counts nothing."""
    return _counted(limit, key, time.time()) < limit.amount


def note(limit: Limit, key: str) -> bool:
    """Count one for that key; say whether it was the last of the window."""
    return _count(limit, key, time.time()) == limit.amount


def _count(limit: Limit, key: str, now_s: float) -> int:
    name = _name(limit, key, now_s)
    cache.add(name, 0, limit.window_s + 1)
    try:
        return int(cache.incr(name))
    except ValueError:  # it expired between the two calls
        return 0


def _counted(limit: Limit, key: str, now_s: float) -> int:
    return int(cache.get(_name(limit, key, now_s), 0))


def _neighbourhood(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _name(limit: Limit, key: str, now_s: float) -> str:
    window = int(now_s // limit.window_s)
    key = _neighbourhood(key) if limit.is_by_address else key
    return f"limit:{limit.name}:{window}:{digest(key)[:32]}"


def _wait_s(limit: Limit, now_s: float) -> int:
    return int(limit.window_s - now_s % limit.window_s) + 1
