"""One libvirt connection: opens when needed, backs off when refused, opens again when lost."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import libvirt

from .errors import HostAway
from .loop import ensure_event_loop

_log = logging.getLogger(__name__)

BACKOFF_START_S = 0.5
BACKOFF_CAP_S = 15.0
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_COUNT = 3
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who wants to know of a link. Both are called from threads of this package and must be quick.

    `opened` runs before the new connection serves any call, so that nothing is missed.
    """

    opened: Callable[[libvirt.virConnect], None]
    lost: Callable[[], None]


class Link:
    """A connection to one URI. All methods are thread-safe."""

    def __init__(self, uri: str, open_timeout_s: float) -> None:
        self._uri = uri
        self._open_timeout_s = open_timeout_s
        self._changed = threading.Condition()
        self._conn: libvirt.virConnect | None = None
        self._opening_since_s: float | None = None
        self._failures = 0
        self._retry_at_s = 0.0
        self._reason = ""
        self._is_closed = False
        self._watchers: list[Watcher] = []

    @property
    def is_open(self) -> bool:
        """True while there is a connection that is not known to be dead."""
        return self._conn is not None

    def get(self, timeout_s: float) -> libvirt.virConnect:
        """Return the connection, opening it first if need be.

        Waits no longer than the open time limit. Raises HostAway at once while backing off, or
        while an open that has had its time is still pending: none can be cancelled, so there is
        never a second.
        """
        with self._changed:
            if (conn := self._current()) is not None:
                return conn
            since_s = self._begin()
            patience_s = min(timeout_s, since_s + self._open_timeout_s - time.monotonic())
            self._changed.wait_for(self._is_settled, max(0.0, patience_s))
            if (conn := self._current()) is not None:
                return conn
            raise HostAway(reason=self._reason if self._is_settled() else NO_ANSWER)

    def forgive(self) -> None:
        """Let the next call try at once: the host has just been seen alive."""
        with self._changed:
            self._failures = 0
            self._retry_at_s = 0.0

    def lost(self, conn: libvirt.virConnect, reason: str) -> None:
        """Forget `conn` if it is still the current one, and tell the watchers."""
        with self._changed:
            if self._conn is None or self._conn is not conn:
                return
            self._conn = None
            self._reason = reason
            watchers = tuple(self._watchers)
        _log.info("connection to %s lost: %s", self._uri, reason)
        # Never here: this may be libvirt's own event thread, and a close may wait for the host.
        threading.Thread(target=_release, args=(conn,), name="libvirt-close", daemon=True).start()
        for watcher in watchers:
            watcher.lost()

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` for every connection from now on; not for one that is open already."""
        with self._changed:
            self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Stop calling `watcher`."""
        with self._changed:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def close(self, timeout_s: float) -> None:
        """Close for good, waiting no longer than `timeout_s` for the host to say goodbye."""
        with self._changed:
            conn, self._conn = self._conn, None
            self._is_closed = True
            self._reason = "closed"
            self._changed.notify_all()
        if conn is None:
            return
        closer = threading.Thread(target=_close, args=(conn,), name="libvirt-close", daemon=True)
        closer.start()
        del conn  # the thread must hold the last reference: freeing a connection may block, too
        closer.join(timeout_s)

    def _current(self) -> libvirt.virConnect | None:
        return self._conn

    def _is_settled(self) -> bool:
        return self._opening_since_s is None or self._is_closed

    def _begin(self) -> float:
        """Start opening unless that is under way; return since when. The lock is held."""
        now_s = time.monotonic()
        if self._is_closed:
            raise HostAway(reason="closed")
        if self._opening_since_s is None:
            if now_s < self._retry_at_s:
                raise HostAway(reason=self._reason)
            self._opening_since_s = now_s
            threading.Thread(target=self._open, name="libvirt-open", daemon=True).start()
        return self._opening_since_s

    def _open(self) -> None:
        """Open and settle the outcome. Runs in its own thread, which may hang for ever."""
        conn = None
        reason = ""
        try:
            ensure_event_loop()
            conn = libvirt.open(self._uri)
            self._prepare(conn)
        except libvirt.libvirtError as error:
            reason = str(error)
            conn = None
        with self._changed:
            self._opening_since_s = None
            if self._is_closed:
                reason = "closed"
            elif conn is not None:
                self._conn = conn
                self._failures = 0
            else:
                self._reason = reason
                self._retry_at_s = time.monotonic() + _backoff_s(self._failures)
                self._failures += 1
            self._changed.notify_all()
        if reason:
            _log.info("opening %s failed: %s", self._uri, reason)

    def _prepare(self, conn: libvirt.virConnect) -> None:
        _if_supported(lambda: conn.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT))
        _if_supported(lambda: conn.registerCloseCallback(self._on_close, None))
        with self._changed:
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher.opened(conn)

    def _on_close(self, conn: libvirt.virConnect, reason: int, _opaque: None) -> None:
        words = {
            libvirt.VIR_CONNECT_CLOSE_REASON_EOF: "closed by the host",
            libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE: NO_ANSWER,
        }
        self.lost(conn, words.get(reason, "connection error"))


def _backoff_s(failures: int) -> float:
    """Return the seconds to wait after that many failures before: doubling, capped, with jitter."""
    longest_s: float = min(BACKOFF_CAP_S, BACKOFF_START_S * 2 ** min(failures, 10))
    return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _if_supported(action: Callable[[], object]) -> None:
    try:
        action()
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise


def _release(conn: libvirt.virConnect) -> None:
    """Drop libvirt's own reference to a dead connection; calls in flight keep theirs."""
    try:
        conn.unregisterCloseCallback()
    except libvirt.libvirtError as error:
        _log.debug("unregistering a close callback: %s", error)


def _close(conn: libvirt.virConnect) -> None:
    _release(conn)
    try:
        conn.close()
    except libvirt.libvirtError as error:
        _log.debug("closing a connection: %s", error)
