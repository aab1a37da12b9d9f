"""How often something may be asked for: counted in the cache, in windows that begin by the clock.

Around the end of a window twice as much may pass within one window's time; that is meant. Where
there are several processes, the cache that they share counts for all of them.
"""

from __future__ import annotations

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


BAD_TOKENS = Limit("bad-token", 30, 60)
"""Bearer tokens that are none, by address; good ones are not counted and not held up."""
TICKETS = Limit("ticket", 120, 60)
"""Console tickets, by person."""
BAD_TICKETS = Limit("bad-ticket", 30, 60)
"""Console tickets that are none, by address."""
UPLOADS = Limit("upload", 60, 60)
"""Uploads that begin, by person; parts of one that is under way are not counted."""
INVITATIONS = Limit("invitation", 20, 60)
"""Invitations that are none, by address."""
REGISTRATIONS = Limit("registration", 5, 3600)
"""Accounts that strangers register, by address."""


def spend(limit: Limit, key: str) -> None:
    """Count one for that key. Raises TooMany when the window's amount is used up."""
    now_s = time.time()
    name = _name(limit, key, now_s)
    cache.add(name, 0, limit.window_s + 1)
    try:
        count = cache.incr(name)
    except ValueError:  # it expired between the two calls
        return
    if count > limit.amount:
        raise TooMany(_wait_s(limit, now_s))


def require_left(limit: Limit, key: str) -> None:
    """Raise TooMany when nothing is left for that key; counts nothing."""
    now_s = time.time()
    if int(cache.get(_name(limit, key, now_s), 0)) >= limit.amount:
        raise TooMany(_wait_s(limit, now_s))


def _name(limit: Limit, key: str, now_s: float) -> str:
    window = int(now_s // limit.window_s)
    return f"limit:{limit.name}:{window}:{digest(key)[:32]}"


def _wait_s(limit: Limit, now_s: float) -> int:
    return int(limit.window_s - now_s % limit.window_s) + 1
