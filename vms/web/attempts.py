"""How many attempts to log in are left, as allauth counts them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from allauth.core.internal.ratelimit import Rate, get_cache_key, get_rates
from django.core.cache import cache
from django.http import HttpRequest

APP, ACTION = "allauth.account", "login_failed"
TOLD_FROM = 3


@dataclass(frozen=True, slots=True)
class Left:
    """`count` more attempts; after the last one has to wait `wait_s` seconds."""

    count: int
    wait_s: int

    @property
    def is_few(self) -> bool:
        """True when it is worth telling."""
        return self.count <= TOLD_FROM

    @property
    def wait_minutes(self) -> int:
        """The wait in minutes, rounded up."""
        return -(-self.wait_s // 60)


def left(request: HttpRequest) -> Left:
    """Say how many attempts this request's address and account have left: the tightest limit."""
    key = getattr(request, "login_key", None)
    rates = [rate for rate in get_rates(app=APP, action=ACTION) if key or rate.per == "ip"]
    found = [_left(request, rate, key) for rate in rates]
    return min(found, key=lambda each: (each.count, -each.wait_s))


def _left(request: HttpRequest, rate: Rate, key: str | None) -> Left:
    name = get_cache_key(request, app=APP, action=ACTION, rate=rate, key=key)
    now_s = time.time()
    used = [at_s for at_s in cache.get(name, []) if at_s > now_s - rate.duration]
    oldest_s = min(used, default=now_s)
    wait_s = int(oldest_s + float(rate.duration) - now_s) + 1
    return Left(max(0, rate.amount - len(used)), wait_s)
