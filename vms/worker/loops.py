"""Threads of the worker, daemons all so that none keeps the process alive, and their top loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.db import close_old_connections, connections

log = structlog.get_logger(__name__)

AFTER_ERROR_S = 2.0


def spawn(name: str, body: Callable[[], None]) -> threading.Thread:
    """Run `body` in a daemon thread that gives its database connection back at the end."""

    def run() -> None:
        try:
            body()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def repeat(step: Callable[[], None], stop: threading.Event, pause_s: float) -> None:
    """Call `step` and pause, until `stop` is set. An error is logged and costs a longer pause."""
    once = Once()
    while not stop.is_set():
        _guarded(step, once, stop)
        if pause_s:
            stop.wait(pause_s)


def tick(step: Callable[[], None], stop: threading.Event, interval_s: float) -> None:
    """Call `step` every `interval_s` seconds, however long it takes, until `stop` is set.

    What would have been due while a step took longer is left out.
    """
    once = Once()
    due_s = time.monotonic()
    while not stop.is_set():
        _guarded(step, once, stop)
        due_s = max(due_s + interval_s, time.monotonic())
        stop.wait(due_s - time.monotonic())


def _guarded(step: Callable[[], None], once: Once, stop: threading.Event) -> None:
    name = threading.current_thread().name
    try:
        step()
    except Exception as error:  # top loop: nothing may end the watch over a host
        if once.is_news(f"{type(error).__name__}: {error}"):
            log.exception("worker-step-failed", thread=name)
        close_old_connections()
        stop.wait(AFTER_ERROR_S)
    else:
        if count := once.over():
            log.info("worker-step-works-again", thread=name, failures=count)


class Once:
    """What was said already: the same trouble is news once, until it is over."""

    def __init__(self) -> None:
        self._what = ""
        self._count = 0

    def is_news(self, what: str) -> bool:
        """Note that trouble came (again); say whether it differs from the last time."""
        is_new = what != self._what
        self._what = what
        self._count += 1
        return is_new

    def over(self) -> int:
        """Note that there is none any more; return how often there was."""
        count, self._what, self._count = self._count, "", 0
        return count
