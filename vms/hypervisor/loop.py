"""libvirt's event loop: one daemon thread per process, started before anything is opened."""

from __future__ import annotations

import logging
import threading

import libvirt

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_pause = threading.Event()
_is_running = False


def ensure_event_loop() -> None:
    """Start the loop unless it runs already. Keepalive and every event depend on it."""
    global _is_running  # noqa: PLW0603 - libvirt has one event loop per process
    with _lock:
        if _is_running:
            return
        # libvirt prints every error to stderr unless told otherwise; ours travel as exceptions.
        libvirt.registerErrorHandler(_swallow, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_run, name="libvirt-events", daemon=True).start()
        _is_running = True


def _run() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError:
            _log.exception("libvirt event loop")
            _pause.wait(1.0)  # never spin on a loop that fails at once


def _swallow(_context: None, _error: object) -> None:
    """Drop what libvirt would print."""
