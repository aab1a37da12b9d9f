"""Threads of the worker, daemons all so that none keeps the process alive, and their top loop."""

from __future__ import annotations

import threading
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
    while not stop.is_set():
        try:
            step()
        except Exception:  # top loop: nothing may end the watch over a host
            log.exception("worker-step-failed", thread=threading.current_thread().name)
            close_old_connections()
            stop.wait(AFTER_ERROR_S)
        if pause_s:
            stop.wait(pause_s)
