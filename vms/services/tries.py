"""Counts attempts that failed, so that guessing ends soon; in the cache, which processes share."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures of one subject in so many seconds."""

    name: str
    failures: int
    window_s: int


def is_spent(limit: Limit, subject: str) -> bool:
    """Say whether nothing more is to be tried for now."""
    return int(cache.get(_key(limit, subject), 0)) >= limit.failures


def failed(limit: Limit, subject: str) -> bool:
    """Count a failure; True when it was the last that is allowed for now."""
    key = _key(limit, subject)
    cache.add(key, 0, limit.window_s * 2)
    try:
        return int(cache.incr(key)) == limit.failures
    except ValueError:  # it was dropped between the two lines
        return False


def neighbourhood(address: str) -> str:
    """Return what of an address is one person's: of IPv6 the network, which has 2^64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:45]
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _key(limit: Limit, subject: str) -> str:
    return f"tries:{limit.name}:{subject}:{int(time.time() // limit.window_s)}"
