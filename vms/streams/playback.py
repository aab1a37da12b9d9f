"""The file of a recording for its player or into a file: piece by piece, whole or by byte range.

Pages bring a ticket that they got by POST, where it was written down who looks; of scripts, which
bring a token, it is written down here.
A raw ASGI callable, because Django would hold all of it in memory.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from vms import selectors
from vms.models import Recording
from vms.policy import Door, Person
from vms.problems import NotFound
from vms.services import recording_files, screenings, tokens
from vms.streams import threads, visitors
from vms.streams.closing import Receive, Scope, Send

PATH = re.compile(r"^/(?P<api>api/v1/)?recordings/(?P<key>[0-9a-f-]{36})/file$")
PIECE_BYTES = 256 * 1024
RECHECK_S = 5.0
TYPES = {"vnc": "application/octet-stream", "serial": "application/x-asciicast"}
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file, the last one included."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many."""
        return self.last - self.first + 1


async def playback(scope: Scope, receive: Receive, send: Send, *, path: str) -> None:
    """Answer one request for a file; `path`, below the prefix, matches PATH."""
    found = PATH.match(path)
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    if scope["method"] not in {"GET", "HEAD"}:
        await _answer(send, 405, {"allow": "GET, HEAD"})
        return
    actor = await threads.read(_actor, headers, scope, bool(found and found["api"]))
    if actor is None or found is None:
        await _answer(send, 401)
        return
    try:
        row = await threads.read(selectors.recording, actor, found["key"])
    except NotFound:
        await _answer(send, 404)
        return
    if actor.token is not None:
        await threads.read(lambda: screenings.take(actor=actor, recording_id=row.pk))
    elif not screenings.admits(actor=actor, recording=row, ticket=_ticket(scope)):
        await _answer(send, 403)
        return
    await _send_file(_Request(scope, receive, send, headers), actor, row)


@dataclass(frozen=True, slots=True)
class _Request:
    scope: Scope
    receive: Receive
    send: Send
    headers: Mapping[str, str]


def _actor(headers: Mapping[str, str], scope: Scope, is_api: bool) -> Person | None:
    """Find who asks: by token at the API's address, by session at both."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    kind, _space, secret = headers.get("authorization", "").partition(" ")
    if is_api and kind.lower() == "bearer":
        token = tokens.authenticate(secret.strip())
        return Person(token.user, Door.API, address, token=token) if token else None
    handshake = visitors.handshake(scope)
    user = visitors.user_of(handshake.session_key)
    if user is None or user.must_change_password:
        return None
    return Person(user, Door.API if is_api else Door.WEB, address, handshake.session_key)


def _ticket(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    values = parse_qs(query.decode("latin-1"))
    return values.get("ticket", [""])[0]


async def _send_file(request: _Request, actor: Person, row: Recording) -> None:
    path = recording_files.path_of(row.pk, row.kind)
    try:
        file = await threads.on_disk(os.open, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        await _answer(request.send, 404)
        return
    try:
        size = os.fstat(file).st_size
        span = wanted_span(request.headers.get("range", ""), size)
        if span is None:
            await _answer(request.send, 416, {"content-range": f"bytes */{size}"})
            return
        await _start(request, row, span, size)
        if request.scope["method"] == "GET":
            await _pieces(request, actor, row, file, span)
        else:
            await request.send({"type": "http.response.body", "body": b""})
    finally:
        os.close(file)


def wanted_span(header: str, size: int) -> Span | None:
    """Return what a Range header asks for: all of it if there is none that we know, None if there
    is no such byte.
    """
    found = _RANGE.match(header)
    if not found or not (found[1] or found[2]):
        return Span(0, size - 1)
    if not found[1]:
        count = min(int(found[2]), size)
        return Span(size - count, size - 1) if count else None
    first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    return Span(first, last) if first <= last else None


async def _start(request: _Request, row: Recording, span: Span, size: int) -> None:
    headers = {
        "content-type": TYPES[row.kind],
        "content-length": str(span.count),
        "accept-ranges": "bytes",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file_name(row), safe='')}",
    }
    is_part = span.count < size
    if is_part:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{size}"
    await _head(request.send, 206 if is_part else 200, headers)


def file_name(row: Recording) -> str:
    """Name the file that somebody saves after guest and time."""
    name = re.sub(r"[\x00-\x1f\x7f/\\:*?\"<>|%]+", "_", row.vm_name)[:80] or "guest"
    return f"{name}-{row.began_at:%Y%m%d-%H%M%S}{recording_files.SUFFIXES[row.kind]}"


async def _pieces(request: _Request, actor: Person, row: Recording, file: int, span: Span) -> None:
    """Send the bytes as fast as they are taken, while the person may have them."""
    gone = asyncio.create_task(_disconnected(request.receive))
    loop = asyncio.get_running_loop()
    at, checked_s = span.first, loop.time()
    try:
        while at <= span.last and not gone.done():
            if loop.time() - checked_s > RECHECK_S:
                await threads.read(selectors.recording, actor, row.pk)
                checked_s = loop.time()
            count = min(PIECE_BYTES, span.last + 1 - at)
            piece = await threads.on_disk(os.pread, file, count, at)
            if not piece:
                return
            at += len(piece)
            await request.send({"type": "http.response.body", "body": piece, "more_body": True})
        await request.send({"type": "http.response.body", "body": b""})
    except (NotFound, OSError):
        return  # what was promised does not come: the client sees that it is cut
    finally:
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, status: int, headers: Mapping[str, str] | None = None) -> None:
    await _head(send, status, {"content-length": "0", **(headers or {})})
    await send({"type": "http.response.body", "body": b""})


async def _head(send: Send, status: int, headers: Mapping[str, str]) -> None:
    safe = {
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
    }
    raw = [(name.encode(), value.encode()) for name, value in {**safe, **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
