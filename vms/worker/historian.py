"""Writes minutes as they end, and by a schedule rolls history up and deletes what is too old,
audit lines and recordings too.
audit lines and notices too.

A thread of its own, so that a busy database never delays a sample.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time

from vms.models import Host
from vms.services import activity, filming, history, notices, replays
from vms.services.history import Minute
from vms.worker.loops import repeat

LOOK_S = 1.0
ROLL_UP_S = 60.0
HOURLY_S = 3600.0
DAILY_S = 86_400.0
MOST_WAITING = 600
"""Minutes of hosts that wait while the database cannot be written; then the newest are lost."""


class Historian:
    """Run `run` in a thread of its own until the stop event is set; `put` works from any thread."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._minutes: queue.Queue[tuple[Host, Minute]] = queue.Queue(MOST_WAITING)
        self._next_roll_up_s = 0.0
        self._next_hourly_s = 0.0
        self._next_daily_s = 0.0

    def put(self, host: Host, minute: Minute) -> None:
        """Have a minute written soon; returns at once."""
        with contextlib.suppress(queue.Full):
            self._minutes.put_nowait((host, minute))

    def run(self) -> None:
        """Write until stopped."""
        repeat(self._step, self._stop, LOOK_S)

    def _step(self) -> None:
        while not self._minutes.empty():
            history.record_minute(*self._minutes.get_nowait())
        if time.monotonic() >= self._next_roll_up_s:
            self._next_roll_up_s = time.monotonic() + ROLL_UP_S
            history.roll_up(time.time())
            history.delete_old(time.time())
        if time.monotonic() >= self._next_hourly_s:
            self._next_hourly_s = time.monotonic() + HOURLY_S
            filming.delete_old()
        if time.monotonic() >= self._next_daily_s:
            self._next_daily_s = time.monotonic() + DAILY_S
            activity.delete_old()
            notices.delete_old()
            replays.delete_old()
