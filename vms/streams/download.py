"""The bytes of a volume to a browser or script: constant memory, and parts by Range.

A raw ASGI callable: a piece is read from the host while the one before is sent, and the host is
read no further than the client takes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from urllib.parse import quote

import structlog

from vms.hypervisor import download as pieces
from vms.hypervisor import registry
from vms.hypervisor.errors import HypervisorError
from vms.policy import Person
from vms.problems import Problem
from vms.services import downloads
from vms.services.downloads import DownloadGrant
from vms.streams import callers, ranges, threads
from vms.streams.answers import answer, begin, refuse, status_of
from vms.streams.callers import NotLetIn
from vms.streams.closing import Receive, Scope, Send
from vms.streams.threads import DaemonExecutor

log = structlog.get_logger(__name__)

MAX_AT_ONCE = 4
"""Each keeps a connection of the host's lane for streams, which consoles need, too."""
GUARD_S = 5.0
_readers = DaemonExecutor("downloads", MAX_AT_ONCE)
_under_way: set[object] = set()


async def download(scope: Scope, receive: Receive, send: Send, *, volume_id: str) -> None:
    """Serve one request."""
    call = callers.call_of(scope)
    if call.method not in ("GET", "HEAD"):
        await answer(send, 405, {"Allow": "GET, HEAD"})
        return
    try:
        person = await callers.admit(call)
        grant = await threads.read(lambda: downloads.grant(actor=person, volume_id=volume_id))
        part = ranges.parse(call.headers.get("range", ""), grant.size_bytes)
    except ranges.Unsatisfiable:
        await answer(send, 416, {"Content-Range": f"bytes */{grant.size_bytes}"})
    except (Problem, HypervisorError, NotLetIn) as error:
        await refuse(send, error, status=status_of(error))
    except Exception as error:  # top loop of a request; nothing was sent yet
        log.exception("download-failed", volume=volume_id)
        await refuse(send, error)
    else:
        if call.method == "HEAD":
            await begin(send, 206 if part else 200, _headers(grant, part))
            await send({"type": "http.response.body", "body": b""})
        elif len(_under_way) >= MAX_AT_ONCE:
            busy = Problem("too-many-transfers")
            await refuse(send, busy, {"Retry-After": "30"}, status=503)
        else:
            await _serve(receive, send, grant, part)


async def _serve(
    receive: Receive, send: Send, grant: DownloadGrant, part: tuple[int, int] | None
) -> None:
    """Send the bytes, and write how it ended."""
    first, last = part or (0, grant.size_bytes - 1)
    seat = object()
    _under_way.add(seat)
    pump = _Pump(send, grant, first, last)
    try:
        await threads.read(lambda: downloads.began(grant=grant, first=first, last=last))
        await _first_end(pump, receive, _headers(grant, part), 206 if part else 200)
    finally:
        _under_way.discard(seat)
        threads.start(
            lambda: downloads.ended(grant=grant, first=first, last=last, sent_bytes=pump.sent_bytes)
        )


async def _first_end(pump: _Pump, receive: Receive, headers: dict[str, str], status: int) -> None:
    """Pump until all is sent, the client is gone, or the person may no longer.

    A download that breaks off in the middle ends the connection: the client sees that it is short.
    """
    tasks = [
        asyncio.create_task(pump.run(status, headers)),
        asyncio.create_task(_gone(receive)),
        asyncio.create_task(_guard(pump)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    error = ends[0]
    if isinstance(error, HypervisorError) and not pump.has_begun:
        await refuse(pump.send, error)
    elif isinstance(error, Exception):
        log.info("download-broke-off", volume=pump.grant.name, why=str(error))


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _guard(pump: _Pump) -> None:
    actor = pump.grant.actor
    while True:
        await asyncio.sleep(GUARD_S)
        if isinstance(actor, Person) and not await threads.read(callers.is_still_there, actor):
            return


class _Pump:
    """Reads the host one piece ahead of what is sent."""

    def __init__(self, send: Send, grant: DownloadGrant, first: int, last: int) -> None:
        self.send, self.grant = send, grant
        self._first, self._length = first, last - first + 1
        self.sent_bytes = 0
        self.has_begun = False

    async def run(self, status: int, headers: dict[str, str]) -> None:
        """Send the head and all bytes, then close the stream. Raises host errors."""
        loop = asyncio.get_running_loop()
        stream = self._open()
        reading = loop.run_in_executor(_readers, next, stream, b"")
        try:
            piece = await asyncio.shield(reading)
            await begin(self.send, status, headers)
            self.has_begun = True
            while piece:
                reading = loop.run_in_executor(_readers, next, stream, b"")
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
                self.sent_bytes += len(piece)
                piece = await asyncio.shield(reading)
            if self.sent_bytes == self._length:
                await self.send({"type": "http.response.body", "body": b""})
        finally:
            await asyncio.wait([reading])  # the stream takes one thread at a time
            await asyncio.shield(loop.run_in_executor(_readers, stream.close))

    def _open(self) -> _Pieces:
        return _Pieces(self.grant, self._first, self._length)


class _Pieces(Iterator[bytes]):
    """The pieces of a part, opened by the first `next`, in whatever thread that is."""

    def __init__(self, grant: DownloadGrant, first: int, length: int) -> None:
        self._grant, self._first, self._length = grant, first, length
        self._stack = contextlib.ExitStack()
        self._stream: pieces.Download | None = None

    def __next__(self) -> bytes:
        """Return the next piece. Raises host errors."""
        if self._stream is None:
            host = registry.host_connection(self._grant.host_id, self._grant.host_uri)
            self._stream = self._stack.enter_context(
                pieces.opened(
                    host,
                    pool=self._grant.pool,
                    name=self._grant.name,
                    offset=self._first,
                    length=self._length,
                )
            )
        if piece := self._stream.piece():
            return piece
        raise StopIteration

    def close(self) -> None:
        """Let the stream go."""
        self._stack.close()


def _headers(grant: DownloadGrant, part: tuple[int, int] | None) -> dict[str, str]:
    first, last = part or (0, grant.size_bytes - 1)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(last - first + 1),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(grant.name, safe='')}",
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{grant.size_bytes}"
    return headers
