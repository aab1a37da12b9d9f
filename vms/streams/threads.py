"""Threads for what blocks: the loop hands work over and awaits it.

Daemons, unlike those of `concurrent.futures`, so that a call to a host that does not answer cannot
keep the process from exiting. Not asgiref's shared thread either: one blocked call there freezes
every consumer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from django.db import Error, close_old_connections

P = ParamSpec("P")
T = TypeVar("T")
Work = tuple["Future[Any]", Callable[[], Any]]  # Any: work of any result


class DaemonExecutor(Executor):
    """A pool of at most `size` daemon threads, started as they are needed."""

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._idle = 0

    def submit(  # type: ignore[override]  # the base class's signature says the same with more words
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run `function` in one of the threads."""
        future: Future[T] = Future()
        with self._lock:
            if self._idle <= self._work.qsize() and self._started < self._size:
                self._started += 1
                name = f"{self._name}-{self._started}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        self._work.put((future, lambda: function(*args, **kwargs)))
        return future

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            future, function = self._work.get()
            with self._lock:
                self._idle -= 1
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:  # handed to whoever awaits it
                future.set_exception(error)
            del future, function


_rows = DaemonExecutor("rows", 4)
_hosts = DaemonExecutor("displays", 8)
_files = DaemonExecutor("files", 2)


async def read(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that uses the database, and await it."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_rows, lambda: _with_rows(function, *args, **kwargs))


def start(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run a function that uses the database, and do not wait."""
    _rows.submit(lambda: _with_rows(function, *args, **kwargs))


async def ask_host(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that talks to a host, and await it."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_hosts, lambda: function(*args, **kwargs))


async def on_disk(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function that reads or writes a file, or makes what is written, and await it."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_files, lambda: function(*args, **kwargs))


def _with_rows(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Keep the thread's connection for the next call; give it up when the database complains."""
    try:
        return function(*args, **kwargs)
    except Error:
        close_old_connections()
        raise
