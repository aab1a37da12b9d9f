"""The bytes of one upload on their way into a file, piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from vms.streams import receiving
from vms.streams.receiving import Overflow, Sink

MIB = 1 << 20
DATA = os.urandom(4 * MIB + 7)


async def _nothing() -> None:
    return None


def receiver(pieces: list[bytes]):
    """What a server gives: one piece after the other, then the end."""
    left = iter(pieces)
    count = len(pieces)

    async def receive() -> dict[str, Any]:
        nonlocal count
        count -= 1
        return {"type": "http.request", "body": next(left), "more_body": count > 0}

    return receive


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.touch()
    return path


@pytest.mark.parametrize("size", [997, 64 * 1024, 300_000, 3 * MIB])
def test_pieces_of_any_size_arrive_in_order_with_their_digest(target, size):
    pieces = [DATA[at : at + size] for at in range(0, len(DATA), size)]
    sink = Sink(target, 0, len(DATA), "sha256")
    asyncio.run(sink.pump(receiver(pieces), _nothing))
    assert sink.has_digest(hashlib.sha256(DATA).digest())
    sink.close()
    assert target.read_bytes() == DATA


def test_more_tiny_pieces_than_the_kernel_takes_at_once_are_written(target, monkeypatch):
    gate = threading.Event()
    write = receiving.os.pwritev
    most = []

    def slow(fd: int, parts: list[bytes], at: int) -> int:
        gate.wait(10)
        most.append(len(parts))
        return write(fd, parts, at)

    monkeypatch.setattr(receiving.os, "pwritev", slow)
    pieces = [bytes([1 + each % 255]) for each in range(5000)]
    sink = Sink(target, 0, 5000)

    async def body() -> None:
        pump = asyncio.create_task(sink.pump(receiver(pieces), _nothing))
        while sink.came_at_s == 0.0:
            await asyncio.sleep(0)
        gate.set()
        await pump

    asyncio.run(body())
    sink.close()
    assert target.read_bytes() == b"".join(pieces)
    assert max(most) <= receiving.MOST_PIECES


def test_no_more_is_taken_than_a_slow_disk_writes(target, monkeypatch):
    """A disk that hangs: what waits in memory stays within the limit and one piece."""
    gate = threading.Event()
    write = receiving.os.pwritev
    monkeypatch.setattr(
        receiving.os, "pwritev", lambda fd, parts, at: gate.wait(10) and write(fd, parts, at)
    )
    piece, given = b"x" * (256 * 1024), 0
    sink = Sink(target, 0, 64 * MIB)

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += len(piece)
        return {"type": "http.request", "body": piece, "more_body": given < 64 * MIB}

    async def body() -> None:
        pump = asyncio.create_task(sink.pump(receive, _nothing))
        for _each in range(2000):  # turns of the loop, in which it could take all of it
            await asyncio.sleep(0)
        assert given <= receiving.MOST_WAITING_BYTES + len(piece)
        gate.set()
        await pump

    asyncio.run(body())
    sink.close()
    assert target.stat().st_size == 64 * MIB


def test_more_than_was_announced_is_not_written(target):
    sink = Sink(target, 0, MIB)
    with pytest.raises(Overflow):
        asyncio.run(sink.pump(receiver([DATA[:MIB], b"more"]), _nothing))
    sink.close()
    assert target.read_bytes() == DATA[:MIB]


def test_zeros_in_the_middle_become_a_hole(target):
    pieces = [DATA[:MIB], bytes(MIB), DATA[:MIB]]
    sink = Sink(target, 0, 3 * MIB)

    async def slowly() -> dict[str, Any]:
        while sink.offset < taken[0]:  # the thread has written all before
            await asyncio.sleep(0)
        message = await give()
        taken[0] += len(message["body"])
        return message

    taken, give = [0], receiver(pieces)
    asyncio.run(sink.pump(slowly, _nothing))
    sink.close()
    assert target.read_bytes() == b"".join(pieces)
    assert target.stat().st_blocks * 512 < 3 * MIB


def test_what_the_beginning_says_ends_it_before_the_rest_is_taken(target):
    pieces = [DATA[at : at + 65536] for at in range(0, len(DATA), 65536)]

    async def no() -> None:
        raise ValueError("no image")

    sink = Sink(target, 0, len(DATA))
    with pytest.raises(ValueError, match="no image"):
        asyncio.run(sink.pump(receiver(pieces), no))
    sink.close()
    assert receiving.HEAD_BYTES <= target.stat().st_size < 2 * receiving.HEAD_BYTES


class Lent:
    """A borrowed connection, and its other end."""

    def __init__(self, left: int, came: bytes = b"") -> None:
        self.socket, self.sender = socket.socketpair()
        self.left, self.came, self.past = left, came, -1

    async def give_back(self, past: int) -> None:
        self.socket.close()
        self.past = past

    def send(self, data: bytes) -> threading.Thread:
        """Send and hang up, beside whoever reads."""

        def run() -> None:
            with contextlib.suppress(OSError):
                self.sender.sendall(data)
            self.sender.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def pump_with(sink: Sink, lent: Lent, data: bytes) -> None:
    """Give the first MiB as a piece; what is next waits in the loan, and the rest in its socket."""
    sending = lent.send(data[MIB + len(lent.came) :])
    pieces = receiver([data[:MIB], b"never taken"])
    asyncio.run(sink.pump(pieces, _nothing, lambda: lent))
    sending.join(10)


def test_what_comes_from_a_borrowed_socket_follows_what_came_before(target):
    sink = Sink(target, 0, len(DATA), "sha256")
    came = DATA[MIB : MIB + 5000]
    lent = Lent(len(DATA) - MIB - len(came), came)
    pump_with(sink, lent, DATA)
    assert sink.has_digest(hashlib.sha256(DATA).digest())
    assert (sink.is_cut, lent.past) == (False, lent.left)
    sink.close()
    assert target.read_bytes() == DATA


def test_zeros_from_a_borrowed_socket_become_a_hole(target):
    data = DATA[:MIB] + bytes(64 * MIB) + DATA[:MIB]
    sink = Sink(target, 0, len(data))
    pump_with(sink, Lent(len(data) - MIB), data)
    sink.close()
    assert target.read_bytes() == data
    assert target.stat().st_blocks * 512 < 32 * MIB


def test_a_sender_on_a_borrowed_socket_who_hangs_up_is_cut_and_what_came_is_kept(target):
    sink = Sink(target, 0, len(DATA))
    lent = Lent(len(DATA) - MIB)
    pump_with(sink, lent, DATA[: 2 * MIB])
    assert (sink.is_cut, sink.offset, lent.past) == (True, 2 * MIB, MIB)
    sink.close()
    assert target.read_bytes() == DATA[: 2 * MIB]


def test_more_than_was_announced_is_not_written_from_a_borrowed_socket_either(target):
    sink = Sink(target, 0, 2 * MIB)
    lent = Lent(len(DATA) - MIB)
    with pytest.raises(Overflow):
        pump_with(sink, lent, DATA)
    sink.close()
    assert lent.past > 0
    assert target.stat().st_size <= 2 * MIB


def test_a_borrowed_socket_on_which_nothing_comes_is_given_back_when_it_is_wanted(
    target, monkeypatch
):
    monkeypatch.setattr(receiving, "LOOK_UP_S", 0.05)
    sink, lent = Sink(target, 0, len(DATA)), Lent(len(DATA) - MIB)

    async def body() -> None:
        is_lent = asyncio.Event()

        def borrow() -> Lent:
            is_lent.set()
            return lent

        pieces = receiver([DATA[:MIB], b"never taken"])
        pump = asyncio.create_task(sink.pump(pieces, _nothing, borrow))
        await is_lent.wait()
        pump.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pump

    asyncio.run(body())
    assert lent.past == 0
    sink.close()
    lent.sender.close()
