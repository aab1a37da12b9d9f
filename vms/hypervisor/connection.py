"""A host as one object: four lanes of connections and the threads that call libvirt on them.

A host that does not answer costs its callers a time limit and nothing else: no thread of theirs, no
other host, and not the end of the process.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

import libvirt

from .callpool import CallPool
from .errors import HostAway, HostBusy, HostTimeout, StorageSilent
from .link import Hold, Link, Watcher
from .translate import translate

T = TypeVar("T")

CLOSE_TIMEOUT_S = 0.9
CALLS_IN_FLIGHT = 4
"""Threads of a lane."""
CONNECTIONS = 8
"""Connections of a lane: one for each thread, the rest for sessions. One is the rule."""


class Lane(StrEnum):
    """What a call is for; each lane has connections of its own, so that none delays another."""

    VERBS = "verbs"
    WATCH = "watch"
    STREAMS = "streams"
    STORAGE = "storage"
    """What is asked of pools: one whose server is gone never answers, and holds what asks it."""
    COPIES = "copies"
    """Calls that take as long as a disk is large; libvirt goes on with them whatever we do."""


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
        self._lines = {lane: _Line(uri, lane, open_timeout_s) for lane in Lane}
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
        return any(line.link.is_open for line in self._lines.values())

    @property
    def stuck_threads(self) -> int:
        """Number of calls that outlived their time limit and have not returned yet."""
        return sum(line.pool.stuck for line in self._lines.values())

    def is_stuck(self, lane: Lane) -> bool:
        """True while a call of the lane is under way that its caller has given up."""
        return self._lines[lane].pool.stuck > 0

    def call(
        self,
        lane: Lane,
        fn: Callable[[libvirt.virConnect], T],
        *,
        timeout_s: float | None = None,
        on_late: Callable[[T], None] | None = None,
        context: Mapping[str, str] | None = None,
        must_be_first: bool = False,
    ) -> T:
        """Run `fn` with a connection of the lane on one of its threads, return the result.

        `context` fills the parameters of translated errors (uuid, name, pool ...). `on_late` gets a
        result that arrives after the time limit, to free it. Raises HypervisorError: HostAway,
        HostTimeout, HostBusy (StorageSilent for both in the lane of pools), or what libvirt said. A
        connection found dead before the call is opened again once; a call that may have reached the
        host is never repeated. `must_be_first` asks for the connection that watchers know.
        """
        limit_s = self.call_timeout_s if timeout_s is None else timeout_s
        deadline_s = time.monotonic() + limit_s
        with _translated(context), _of_lane(lane):
            try:
                return self._try(lane, fn, deadline_s, on_late, must_be_first)
            except _Lost as lost:
                if lost.was_called:
                    raise
            return self._try(lane, fn, deadline_s, on_late, must_be_first)

    @contextmanager
    def session(self, lane: Lane, *, timeout_s: float | None = None) -> Iterator[Session]:
        """Keep one connection of the lane for calls that belong together, as a stream's do."""
        limit_s = self.call_timeout_s if timeout_s is None else timeout_s
        line = self._lines[lane]
        hold = line.link.take(limit_s)
        try:
            yield Session(line.pool, hold, self.call_timeout_s)
        finally:
            hold.release()

    def watch(self, lane: Lane, watcher: Watcher) -> None:
        """Tell `watcher` of every first connection that the lane opens or loses from now on."""
        self._lines[lane].link.watch(watcher)

    def unwatch(self, lane: Lane, watcher: Watcher) -> None:
        """Stop telling `watcher`."""
        self._lines[lane].link.unwatch(watcher)

    def close(self) -> None:
        """Close all lanes for good; later calls raise HostAway. Blocks for a second at most."""
        closers = [
            threading.Thread(target=line.close, args=(CLOSE_TIMEOUT_S,), daemon=True)
            for line in self._lines.values()
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
        must_be_first: bool,
    ) -> T:
        line = self._lines[lane]
        if line.pool.stuck >= CALLS_IN_FLIGHT:
            raise HostBusy()
        was_open = line.link.is_open
        hold = line.link.take(deadline_s - time.monotonic(), must_be_first=must_be_first)
        try:
            if not was_open:
                for other in self._lines.values():
                    other.link.forgive()
            left_s = max(0.05, deadline_s - time.monotonic())
            return line.pool.run(partial(_guarded, hold, fn), left_s, on_late)
        finally:
            hold.release()


class _Line:
    """A lane: its connections and the threads that call on them."""

    def __init__(self, uri: str, lane: Lane, open_timeout_s: float) -> None:
        self.pool = CallPool(f"libvirt-{lane}", CALLS_IN_FLIGHT)
        self.link = Link(uri, open_timeout_s, CONNECTIONS)

    def close(self, timeout_s: float) -> None:
        self.pool.close()
        self.link.close(timeout_s)


class Session:
    """One connection for calls that belong together. Not to be used by two threads."""

    def __init__(self, pool: CallPool, hold: Hold, call_timeout_s: float) -> None:
        self._pool = pool
        self._hold = hold
        self._call_timeout_s = call_timeout_s

    def call(
        self,
        fn: Callable[[libvirt.virConnect], T],
        *,
        timeout_s: float | None = None,
        context: Mapping[str, str] | None = None,
    ) -> T:
        """Run `fn` as HostConnection.call does, but never on another connection.

        Raises HostBusy once a call of the session has outlived its time limit.
        """
        limit_s = self._call_timeout_s if timeout_s is None else timeout_s
        with _translated(context):
            return self._pool.run(partial(_guarded, self._hold, fn), limit_s)


@contextmanager
def _translated(context: Mapping[str, str] | None) -> Iterator[None]:
    """Raise our errors for libvirt's."""
    try:
        yield
    except _Lost as lost:
        raise HostAway(reason=lost.reason) from lost
    except libvirt.libvirtError as error:
        raise translate(error, **(context or {})) from error


@contextmanager
def _of_lane(lane: Lane) -> Iterator[None]:
    """Say of a pool that does not answer that it is the pool: the host itself may well be there."""
    try:
        yield
    except (HostTimeout, HostBusy) as error:
        if lane is Lane.STORAGE:
            raise StorageSilent(**error.params) from error
        raise


def _guarded(hold: Hold, fn: Callable[[libvirt.virConnect], T]) -> T:
    """Call `fn` unless the connection is dead, and tell a dead connection from a refusal.

    The link learns of it here: the caller may have gone on long ago.
    """
    hold.begin()
    try:
        if not _is_alive(hold.conn):
            hold.lost("connection lost")
            raise _Lost("connection lost", was_called=False)
        try:
            return fn(hold.conn)
        except libvirt.libvirtError as error:
            if _is_alive(hold.conn):
                raise
            hold.lost(str(error))
            raise _Lost(str(error), was_called=True) from error
    finally:
        hold.end()


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
