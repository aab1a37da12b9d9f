"""A host as one object: three connections ("lanes") and the threads that call libvirt on them.

A host that does not answer costs its callers a time limit and nothing else: no thread of theirs, no
other host, and not the end of the process.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import libvirt

from .callpool import CallPool
from .errors import HostAway
from .link import Link, Watcher
from .translate import translate

T = TypeVar("T")

CLOSE_TIMEOUT_S = 0.9
CALLS_IN_FLIGHT = 4
"""libvirtd lets one client have five calls under way."""


class Lane(StrEnum):
    """What a call is for; each lane is a connection of its own, so that none delays another."""

    VERBS = "verbs"
    WATCH = "watch"
    STREAMS = "streams"


class _Lost(Exception):
    """The connection is dead. `was_called` says whether the host may have seen the call."""

    def __init__(self, reason: str, *, was_called: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_called = was_called


class HostConnection:
    """The way to one libvirt host. Thread-safe; opens by itself and reopens what was lost.

    `call_timeout_s` is the limit of a call that names none, `open_timeout_s` that of connecting.
    """

    def __init__(
        self, uri: str, *, call_timeout_s: float = 10.0, open_timeout_s: float = 5.0
    ) -> None:
        self.uri = uri
        self.call_timeout_s = call_timeout_s
        self._links = {lane: Link(uri, open_timeout_s) for lane in Lane}
        self._pools = {lane: CallPool(f"libvirt-{lane}", CALLS_IN_FLIGHT) for lane in Lane}
        _alive.add(self)

    def __repr__(self) -> str:
        return f"HostConnection({self.uri!r})"

    @property
    def is_local(self) -> bool:
        """True where the host is this machine: descriptors can be passed, /proc is its own."""
        parts = urlsplit(self.uri)
        transport = parts.scheme.partition("+")[2]
        return not parts.netloc and transport in ("", "unix")

    @property
    def is_connected(self) -> bool:
        """True while any lane has a connection that is not known to be dead. Asks nobody."""
        return any(link.is_open for link in self._links.values())

    @property
    def stuck_threads(self) -> int:
        """Number of calls that outlived their time limit and have not returned yet."""
        return sum(pool.stuck for pool in self._pools.values())

    def call(
        self,
        lane: Lane,
        fn: Callable[[libvirt.virConnect], T],
        *,
        timeout_s: float | None = None,
        on_late: Callable[[T], None] | None = None,
        context: Mapping[str, str] | None = None,
    ) -> T:
        """Run `fn` with the lane's connection on one of its threads and return the result.

        `context` fills the parameters of translated errors (uuid, name, pool ...). `on_late` gets a
        result that arrives after the time limit, to free it. Raises HypervisorError: HostAway,
        HostTimeout, HostBusy, or what libvirt said. A connection found dead before the call is
        opened again once; a call that may have reached the host is never repeated.
        """
        limit_s = self.call_timeout_s if timeout_s is None else timeout_s
        deadline_s = time.monotonic() + limit_s
        try:
            return self._try(lane, fn, deadline_s, on_late)
        except _Lost as lost:
            if lost.was_called:
                raise HostAway(reason=lost.reason) from lost
        except libvirt.libvirtError as error:
            raise translate(error, **(context or {})) from error
        try:
            return self._try(lane, fn, deadline_s, on_late)
        except _Lost as lost:
            raise HostAway(reason=lost.reason) from lost
        except libvirt.libvirtError as error:
            raise translate(error, **(context or {})) from error

    def watch(self, lane: Lane, watcher: Watcher) -> None:
        """Tell `watcher` of every connection that the lane opens or loses from now on."""
        self._links[lane].watch(watcher)

    def unwatch(self, lane: Lane, watcher: Watcher) -> None:
        """Stop telling `watcher`."""
        self._links[lane].unwatch(watcher)

    def close(self) -> None:
        """Close all lanes for good; later calls raise HostAway. Blocks for a second at most."""
        for pool in self._pools.values():
            pool.close()
        closers = [
            threading.Thread(target=link.close, args=(CLOSE_TIMEOUT_S,), daemon=True)
            for link in self._links.values()
        ]
        for closer in closers:
            closer.start()
        deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
        for closer in closers:
            closer.join(max(0.0, deadline_s - time.monotonic()))
        _alive.discard(self)

    def _try(
        self,
        lane: Lane,
        fn: Callable[[libvirt.virConnect], T],
        deadline_s: float,
        on_late: Callable[[T], None] | None,
    ) -> T:
        link = self._links[lane]
        was_open = link.is_open
        conn = link.get(deadline_s - time.monotonic())
        if not was_open:
            for other in self._links.values():
                other.forgive()
        left_s = max(0.05, deadline_s - time.monotonic())
        try:
            return self._pools[lane].run(partial(_guarded, conn, fn), left_s, on_late)
        except _Lost as lost:
            link.lost(conn, lost.reason)
            raise


def _guarded(conn: libvirt.virConnect, fn: Callable[[libvirt.virConnect], T]) -> T:
    """Call `fn` unless the connection is dead, and tell a dead connection from a refusal."""
    if not _is_alive(conn):
        raise _Lost("connection lost", was_called=False)
    try:
        return fn(conn)
    except libvirt.libvirtError as error:
        if not _is_alive(conn):
            raise _Lost(str(error), was_called=True) from error
        raise


def _is_alive(conn: libvirt.virConnect) -> bool:
    """Ask the client library, not the host."""
    try:
        return bool(conn.isAlive())
    except libvirt.libvirtError as error:
        return bool(error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT)


_alive: weakref.WeakSet[HostConnection] = weakref.WeakSet()


def _close_remaining() -> None:
    """Close what is left, in daemon threads: freeing a connection to a silent host blocks."""
    closers = [threading.Thread(target=host.close, daemon=True) for host in list(_alive)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join(CLOSE_TIMEOUT_S)


atexit.register(_close_remaining)
