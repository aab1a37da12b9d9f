"""The bytes of one upload request into a file: constant memory, and zeros become holes.

A thread of the request's own writes what came while more comes. Handing each piece to a pool of
threads instead costs the loop more than the copying does. Where the server lends the connection's
socket, the thread reads it itself once the beginning has been looked at: no byte touches the loop.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import queue
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from vms.lending import Borrow, Loan, nothing_to_borrow
from vms.streams.closing import Receive
from vms.streams.threads import DaemonExecutor

HEAD_BYTES = 1 << 20
"""When so many have come, the beginning is looked at."""
MOST_WAITING_BYTES = 1 << 20
"""So many may wait to be written; then no more is taken until half of it is."""
MOST_PIECES = 512
"""Written at once; the kernel takes 1024."""
PIECE_BYTES = 1 << 20
"""So much is read from a borrowed socket at once."""
LOOK_UP_S = 0.5
"""Where nothing comes, so often a thread asks whether it shall go on."""
_ZEROS = bytes(PIECE_BYTES)
MAX_AT_ONCE = 32
_writers = DaemonExecutor("uploads", MAX_AT_ONCE)
Batch = Sequence[bytes | memoryview]
Waiting = queue.SimpleQueue[bytes | None]
"""What is to be written; None is the end."""


def _is_hole(part: bytes | memoryview) -> bool:
    """Say whether all of it is zero; the first bytes nearly always tell that it is not."""
    return not any(part[:64]) and bytes(part) == _ZEROS[: len(part)]


def _gather(waiting: Waiting) -> tuple[Batch, bool]:
    """Take what waits, at least one piece; say whether more may come."""
    batch: list[bytes] = []
    while (part := waiting.get()) is not None:
        batch.append(part)
        if waiting.empty() or len(batch) >= MOST_PIECES:
            return batch, True
    return batch, False


_NEVER = float("inf")


class Busy(Exception):
    """Somebody else writes the file."""


class Overflow(Exception):
    """More bytes came than the file has left."""


class Sink:
    """One file at one offset, locked against other writers, in this process or another.

    `offset` is how far it is written, `came_at_s` when the last bytes came, by the loop's clock.
    Close it whatever happens.
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
        self._started_at = self._taken = self.offset = offset
        self._waiting: Waiting = queue.SimpleQueue()
        self._has_room = asyncio.Event()
        self._wanted_at: float = _NEVER
        self._digest = hashlib.new(algorithm) if algorithm else None
        self._is_stopped = False
        self._poured = 0
        self.came_at_s = 0.0
        self.is_cut = False
        """True when the sender went away in the middle."""

    async def pump(
        self,
        receive: Receive,
        after_first: Callable[[], Awaitable[None]],
        borrow: Borrow = nothing_to_borrow,
    ) -> None:
        """Take the body to its end or to where the sender goes away; then all of it is written.

        `after_first` is awaited when the beginning is there, and may end it with an error; what
        comes after that is read from the socket that `borrow` gives, if any. Raises Overflow,
        OSError (ENOSPC ...).
        """
        if await self._take_pieces(receive, HEAD_BYTES):
            await after_first()
            if loan := borrow():
                await self._take_rest(loan)
            else:
                await self._take_pieces(receive)

    async def _take_pieces(self, receive: Receive, most: float = _NEVER) -> bool:
        """Take the body to its end, or until so many bytes came and it goes on: True."""
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(_writers, self._write_waiting, loop)
        writing.add_done_callback(lambda _end: self._has_room.set())
        try:
            while has_more := await self._take(receive, loop):
                if self._taken - self._started_at >= most:
                    break
                if self._taken - self.offset > MOST_WAITING_BYTES:
                    await self._leave_at_most(MOST_WAITING_BYTES // 2, writing)
        finally:
            # What came is kept, whatever ends this: it need not be sent again.
            self._waiting.put(None)
            await asyncio.shield(writing)
        return has_more

    async def _take_rest(self, loan: Loan) -> None:
        """Let the thread read the socket itself, to the end or until this is cancelled."""
        loop = asyncio.get_running_loop()
        loan.socket.settimeout(LOOK_UP_S)
        pouring = loop.run_in_executor(_writers, self._pour, loan)
        try:
            await asyncio.shield(pouring)
        finally:
            self._is_stopped = True
            await asyncio.gather(pouring, return_exceptions=True)
            await loan.give_back(self._poured)

    def _pour(self, loan: Loan) -> None:
        """Write what comes from a borrowed socket; in a thread of this request."""
        if loan.came:
            self._write([loan.came])
        buffer = memoryview(bytearray(PIECE_BYTES))
        while self._poured < loan.left and not self._is_stopped:
            try:
                size = loan.socket.recv_into(buffer, min(PIECE_BYTES, loan.left - self._poured))
            except TimeoutError:
                continue
            except OSError:
                size = 0
            if not size:
                self.is_cut = True
                return
            self._poured += size
            self.came_at_s = time.monotonic()  # which is the loop's clock
            self._write([buffer[:size]])

    async def _take(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> bool:
        """Hand the next piece to the thread; False when it was the last."""
        message = await receive()
        self.came_at_s = loop.time()
        if message["type"] == "http.disconnect":
            self.is_cut = True
            return False
        if body := message.get("body"):
            self._taken += len(body)
            self._waiting.put(body)
        return bool(message.get("more_body"))

    async def _leave_at_most(self, size: int, writing: asyncio.Future[None]) -> None:
        """Wait until no more than that waits to be written. Raises what ended the writing."""
        self._wanted_at = self._taken - size
        while self.offset < self._wanted_at and not writing.done():
            self._has_room.clear()
            if self.offset < self._wanted_at and not writing.done():
                await self._has_room.wait()
        self._wanted_at = _NEVER
        if writing.done():
            await writing

    def _write_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits until the end of it; in a thread of this request."""
        has_more = True
        while has_more:
            batch, has_more = _gather(self._waiting)
            if batch:
                self._write(batch)
            if self.offset >= self._wanted_at:
                loop.call_soon_threadsafe(self._has_room.set)

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
