"""How long a console may stay open, and how long nobody may be at it. No I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from vms.streams.closing import IDLE, TIME_OVER, Ending

WARNING_S: Final = 60.0
"""So long before its end a console says so."""


class Clock:
    """Of one console: `idle_limit_s` and `limit_s` of 0 mean no limit.

    `acted_s` says for how long the guest was not used; a page that only watches says by itself
    that somebody is there.
    """

    def __init__(self, idle_limit_s: float, limit_s: float) -> None:
        self._idle_limit_s, self._limit_s = idle_limit_s, limit_s
        self._began_s = self._here_s = time.monotonic()
        self.unused_s: Callable[[], float] = lambda: float("inf")

    def here(self) -> None:
        """Note that somebody is at the console."""
        self._here_s = time.monotonic()

    def ending(self) -> Ending | None:
        """Say whether the time is over, and which."""
        kind, left_s = self._next()
        return None if left_s > 0 else (IDLE if kind == "idle" else TIME_OVER)

    def next_s(self, longest_s: float) -> float:
        """Return for how long nothing is due: the warning, then the end."""
        _kind, left_s = self._next()
        due_s = left_s - WARNING_S if left_s > WARNING_S else left_s
        return min(longest_s, max(0.05, due_s + 0.02))

    def warning(self) -> dict[str, object] | None:
        """Say what ends the console within a minute, and in how many seconds; None: nothing."""
        kind, left_s = self._next()
        return None if left_s > WARNING_S else {"why": kind, "in_s": max(0, round(left_s))}

    def _next(self) -> tuple[str, float]:
        now_s = time.monotonic()
        idle_s = min(now_s - self._here_s, self.unused_s())
        ends = [("idle", self._idle_limit_s - idle_s)] if self._idle_limit_s else []
        if self._limit_s:
            ends.append(("time", self._limit_s - (now_s - self._began_s)))
        return min(ends, key=lambda end: end[1], default=("", float("inf")))
