"""Huey's consumer in threads of this process."""

from __future__ import annotations

import time
from typing import Any

import structlog
from huey.consumer import Consumer

from vms.queue import huey

log = structlog.get_logger(__name__)

WORKERS = 8
"""Threads are cheap, and a long copy must not keep the making of a guest waiting."""
MAX_DELAY_S = 0.05
"""Huey's idle poll otherwise backs off to ten seconds."""


class ThreadConsumer(Consumer):  # type: ignore[misc]  # huey ships no types
    """A consumer that leaves signals to the main thread; its threads are daemons."""

    def __init__(self, **options: Any) -> None:  # Any: huey's own options
        super().__init__(
            huey,
            workers=WORKERS,
            periodic=False,
            initial_delay=MAX_DELAY_S,
            max_delay=MAX_DELAY_S,
            check_worker_health=False,
            **options,
        )

    def _set_signal_handlers(self) -> None:
        """Do nothing: the server's main thread owns the signals."""

    def finish(self, timeout_s: float) -> None:
        """Take no further job, wait for those under way for a limited time, then leave them."""
        self.stop()
        deadline_s = time.monotonic() + timeout_s
        for _worker, thread in self.worker_threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        left = sum(thread.is_alive() for _worker, thread in self.worker_threads)
        if left:
            log.warning("jobs-left-running", count=left)
