"""A few daemon threads that run blocking calls with a time limit. Knows nothing of libvirt.

Not concurrent.futures: its threads keep a process from exiting while a call hangs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from .errors import HostAway, HostBusy, HostTimeout

T = TypeVar("T")


class _Task(Generic[T]):
    """One call: what to run, and what came of it."""

    def __init__(self, work: Callable[[], T], on_late: Callable[[T], None] | None) -> None:
        self._work = work
        self._on_late = on_late
        self._result: list[T] = []
        self._error: BaseException | None = None
        self.done = threading.Event()
        self.is_late = False

    def execute(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:
            self._error = error  # the caller's thread raises it

    def outcome(self) -> T:
        """Return or raise what came of it, once."""
        if self._error is None:
            return self._result[0]
        try:
            raise self._error
        finally:
            # Its traceback leads back here: such a circle would keep libvirt's objects, and with
            # them a connection, until the garbage collector comes by.
            self._error = None

    def discard(self) -> None:
        """Give a result that nobody waits for any more to whoever must free it."""
        if self._on_late is not None and self._error is None:
            self._on_late(self._result[0])


class CallPool:
    """Run calls on at most `size` daemon threads, which are started as they are needed."""

    def __init__(self, name: str, size: int = 4) -> None:
        self._name = name
        self._size = size
        self._changed = threading.Condition()
        self._waiting: deque[_Task[object]] = deque()
        self._threads = 0
        self._idle = 0
        self._stuck = 0
        self._is_closed = False

    @property
    def stuck(self) -> int:
        """Number of threads whose caller has gone on without them."""
        return self._stuck

    def run(
        self,
        work: Callable[[], T],
        timeout_s: float,
        on_late: Callable[[T], None] | None = None,
    ) -> T:
        """Run `work` and return its result, or raise what it raised.

        When `timeout_s` passes the caller goes on with HostTimeout; the thread counts as stuck
        until the call returns, and `on_late` then gets its result. HostBusy when no thread was
        free in time.
        """
        task = _Task(work, on_late)
        self._submit(task)
        if task.done.wait(timeout_s):
            return task.outcome()
        with self._changed:
            if task.done.is_set():
                return task.outcome()
            if task in self._waiting:
                self._waiting.remove(task)  # type: ignore[arg-type] # deque is invariant in T
                raise HostBusy()
            task.is_late = True
            self._stuck += 1
        raise HostTimeout(timeout_s=max(1, round(timeout_s)))

    def close(self) -> None:
        """Let idle threads end; calls that run go on. Never blocks."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _submit(self, task: _Task[T]) -> None:
        with self._changed:
            if self._is_closed:
                raise HostAway(reason="closed")
            if self._stuck >= self._size:
                raise HostBusy()
            self._waiting.append(task)  # type: ignore[arg-type] # deque is invariant in T
            if len(self._waiting) > self._idle and self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._serve, name=self._name, daemon=True).start()
            self._changed.notify()

    def _serve(self) -> None:
        while (task := self._next()) is not None:
            task.execute()
            with self._changed:
                task.done.set()
                if task.is_late:
                    self._stuck -= 1
            if task.is_late:
                task.discard()
            del task  # do not hold a result, or a connection, while idle

    def _next(self) -> _Task[object] | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            self._idle -= 1
            if self._waiting:
                return self._waiting.popleft()
            self._threads -= 1
            return None
