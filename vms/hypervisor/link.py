"""The connections of a lane: opened when needed, with back-off, lent to one call at a time."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import libvirt

from .errors import HostAway, HostBusy
from .loop import ensure_event_loop

_log = logging.getLogger(__name__)

BACKOFF_START_S = 0.5
BACKOFF_CAP_S = 15.0
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_COUNT = 3
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who wants to know of a link's first connection. Called from threads of this package.

    `opened` runs before the connection serves any call, so that nothing is missed. `lost` must be
    quick: it may run in libvirt's event thread.
    """

    opened: Callable[[libvirt.virConnect], None]
    lost: Callable[[], None]


class Hold:
    """A connection lent to one caller. Whoever ends last, caller or call, gives it back."""

    def __init__(self, link: Link, conn: libvirt.virConnect) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._is_in_use = False
        self._is_released = False
        self.conn = conn

    def begin(self) -> None:
        """Start a call. Raises HostBusy when the caller is gone or its last call still runs."""
        with self._lock:
            if self._is_released or self._is_in_use:
                raise HostBusy()
            self._is_in_use = True

    def end(self) -> None:
        """End a call."""
        with self._lock:
            self._is_in_use = False
            if not self._is_released:
                return
        self._link.give_back(self.conn)

    def release(self) -> None:
        """Let go; a call that still runs keeps the connection until it returns."""
        with self._lock:
            self._is_released = True
            if self._is_in_use:
                return
        self._link.give_back(self.conn)

    def lost(self, reason: str) -> None:
        """Report that the connection is dead."""
        self._link.lost(self.conn, reason)


class Link:
    """The connections to one URI, at most `size`. All methods are thread-safe.

    One call at a time for each: libvirt before 10.4 may crash the process when two threads wait for
    answers on one connection (CVE-2024-4418), and when keepalive gives up only one of them returns.
    The first connection carries the events; when it is lost all are given up.
    """

    def __init__(self, uri: str, open_timeout_s: float, size: int) -> None:
        self._uri = uri
        self._open_timeout_s = open_timeout_s
        self._size = size
        self._changed = threading.Condition()
        self._known: list[libvirt.virConnect] = []
        self._lent: list[libvirt.virConnect] = []
        self._opening_since_s: float | None = None
        self._failures = 0
        self._retry_at_s = 0.0
        self._reason = ""
        self._is_closed = False
        self._watchers: list[Watcher] = []

    @property
    def is_open(self) -> bool:
        """True while there is a connection that is not known to be dead."""
        return bool(self._known)

    def take(self, timeout_s: float, *, must_be_first: bool = False) -> Hold:
        """Lend a connection that nobody uses, opened if need be; `must_be_first` for events.

        Raises HostAway, or HostBusy when others are open and in use: at once while an open that has
        had its time is still pending (none can be cancelled, so there is never a second) or while
        backing off, else when time is up.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while (conn := self._free(must_be_first)) is None:
                self._open_if_useful(must_be_first)
                until_s = deadline_s
                if self._opening_since_s is not None:
                    until_s = min(until_s, self._opening_since_s + self._open_timeout_s)
                patience_s = until_s - time.monotonic()
                if patience_s <= 0:
                    raise HostBusy() if self._known else HostAway(reason=NO_ANSWER)
                self._changed.wait(patience_s)
            self._lent.append(conn)
        return Hold(self, conn)

    def give_back(self, conn: libvirt.virConnect) -> None:
        """Take back what was lent; one that was lost meanwhile is let go."""
        with self._changed:
            self._lent.remove(conn)
            is_known = conn in self._known
            self._changed.notify_all()
        if not is_known:
            _in_background(_close, conn)

    def forgive(self) -> None:
        """Let the next call try at once: the host has just been seen alive."""
        with self._changed:
            self._failures = 0
            self._retry_at_s = 0.0

    def lost(self, conn: libvirt.virConnect, reason: str) -> None:
        """Forget `conn`, and with the first one all others; then tell the watchers."""
        with self._changed:
            if conn not in self._known:
                return
            is_first = conn is self._known[0]
            gone = list(self._known) if is_first else [conn]
            self._known = [other for other in self._known if other not in gone]
            free = [other for other in gone if other not in self._lent]
            watchers = tuple(self._watchers) if is_first else ()
            self._reason = reason
            self._changed.notify_all()
        _log.info("connection to %s lost: %s", self._uri, reason)
        # Never here: this may be libvirt's own event thread, and a close may wait for the host.
        for dead in free:
            _in_background(_close, dead)
        for watcher in watchers:
            watcher.lost()

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` for every first connection from now on, not for one that is open."""
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
            known, self._known = self._known, []
            free = [conn for conn in known if conn not in self._lent]
            self._is_closed = True
            self._changed.notify_all()
        # The threads must hold the last references: freeing a connection may block, too.
        closers = [_in_background(_close, conn) for conn in free]
        del known, free
        deadline_s = time.monotonic() + timeout_s
        for closer in closers:
            closer.join(max(0.0, deadline_s - time.monotonic()))

    def _free(self, must_be_first: bool) -> libvirt.virConnect | None:
        wanted = self._known[:1] if must_be_first else self._known
        return next((conn for conn in wanted if conn not in self._lent), None)

    def _open_if_useful(self, must_be_first: bool) -> None:
        """Start opening unless that is under way or would not help. The lock is held."""
        if self._is_closed:
            raise HostAway(reason="closed")
        is_enough = bool(self._known) and (must_be_first or len(self._known) >= self._size)
        if is_enough or self._opening_since_s is not None:
            return
        if time.monotonic() >= self._retry_at_s:
            self._opening_since_s = time.monotonic()
            threading.Thread(target=self._open, name="libvirt-open", daemon=True).start()
        elif not self._known:
            raise HostAway(reason=self._reason)

    def _open(self) -> None:
        """Open and settle the outcome. Runs in its own thread, which may hang for ever."""
        reason = ""
        conn = None
        try:
            ensure_event_loop()
            conn = libvirt.open(self._uri)
            self._prepare(conn)
        except libvirt.libvirtError as error:
            reason = str(error)
            conn = None
        with self._changed:
            self._opening_since_s = None
            if conn is None:
                self._reason = reason
                self._retry_at_s = time.monotonic() + _backoff_s(self._failures)
                self._failures += 1
            elif not self._is_closed:
                self._known.append(conn)
                self._failures = 0
            self._changed.notify_all()
        if reason:
            _log.info("opening %s failed: %s", self._uri, reason)

    def _prepare(self, conn: libvirt.virConnect) -> None:
        _if_supported(lambda: conn.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT))
        _if_supported(lambda: conn.registerCloseCallback(self._on_close, None))
        with self._changed:
            watchers = () if self._known else tuple(self._watchers)
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


def _in_background(
    action: Callable[[libvirt.virConnect], None], conn: libvirt.virConnect
) -> threading.Thread:
    thread = threading.Thread(target=action, args=(conn,), name="libvirt-close", daemon=True)
    thread.start()
    return thread


def _close(conn: libvirt.virConnect) -> None:
    """Drop libvirt's references to the connection, its callback's and ours."""
    for action in (conn.unregisterCloseCallback, conn.close):
        try:
            action()
        except libvirt.libvirtError as error:
            _log.debug("closing a connection: %s", error)
