"""The bytes of one upload request into a file: constant memory, and zeros become holes.

While one batch is written the next one arrives.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from vms.streams.closing import Receive
from vms.streams.threads import DaemonExecutor

BATCH_BYTES = 1 << 20
"""Written at once, while the next ones arrive."""
_ZEROS = bytes(BATCH_BYTES)
_writers = DaemonExecutor("uploads", 8)
Batch = list[bytes]


def _is_hole(part: bytes) -> bool:
    """Say whether all of it is zero; the first bytes nearly always tell that it is not."""
    return not any(part[:64]) and part == _ZEROS[: len(part)]


class Busy(Exception):
    """Somebody else writes the file."""


class Overflow(Exception):
    """More bytes came than the file has left."""


class Sink:
    """One file at one offset, locked against other writers, in this process or another.

    `came_at_s` is when the last bytes came, by the loop's clock. Close it whatever happens.
    """

    def __init__(self, path: Path, offset: int, size_bytes: int, algorithm: str = "") -> None:
        """Raises Busy."""
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise Busy from None
        self._size_bytes = size_bytes
        self._started_at = self.offset = offset
        self._digest = hashlib.new(algorithm) if algorithm else None
        self.came_at_s = 0.0
        self.is_cut = False
        """True when the sender went away in the middle."""

    async def pump(self, receive: Receive, after_first: Callable[[], Awaitable[None]]) -> None:
        """Take the body to its end or to where the sender goes away; then all of it is written.

        `after_first` is awaited when the first batch is there, and may end it with an error. Raises
        Overflow, OSError (ENOSPC ...).
        """
        loop = asyncio.get_running_loop()
        batch: Batch = []
        gathered, writing, is_first = 0, None, True
        try:
            while True:
                message = await receive()
                self.came_at_s = loop.time()
                if message["type"] == "http.disconnect":
                    self.is_cut = True
                    break
                if body := message.get("body"):
                    batch.append(body)
                    gathered += len(body)
                if gathered >= BATCH_BYTES:
                    if writing is not None:
                        await writing
                        if is_first:
                            is_first = False
                            await after_first()
                    writing, batch, gathered = self._write_soon(batch), [], 0
                if not message.get("more_body"):
                    break
        finally:
            # What came is kept, whatever ends this: it need not be sent again.
            if writing is not None:
                await asyncio.shield(writing)
            if batch:
                await asyncio.shield(self._write_soon(batch))

    def _write_soon(self, batch: Batch) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(_writers, lambda: self._write(batch))

    def _write(self, batch: Batch) -> None:
        size = sum(map(len, batch))
        if self.offset + size > self._size_bytes:
            raise Overflow
        if self._digest is not None:
            for part in batch:
                self._digest.update(part)
        if all(map(_is_hole, batch)):
            os.ftruncate(self._fd, self.offset + size)
        else:
            self._write_all(batch)
        self.offset += size

    def _write_all(self, batch: Batch) -> None:
        at, parts = self.offset, batch
        while parts:
            written = os.pwritev(self._fd, parts, at)
            at += written
            while parts and written >= len(parts[0]):
                written -= len(parts[0])
                parts = parts[1:]
            if written:
                parts = [parts[0][written:], *parts[1:]]

    def has_digest(self, wanted: bytes) -> bool:
        """Say whether what this request brought has that digest."""
        return self._digest is None or self._digest.digest() == wanted

    def take_back(self) -> None:
        """Forget what this request brought."""
        os.ftruncate(self._fd, self._started_at)
        self.offset = self._started_at

    def close(self) -> None:
        """Let the file and its lock go."""
        os.close(self._fd)
