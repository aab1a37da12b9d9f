"""Resumable uploads by the tus protocol 1.0: creation, termination, checksum, expiration.

A raw ASGI callable, because Django under ASGI holds a request's body whole before a view sees it.
Here its bytes go to a file as they come; services decide whose they are and what becomes of them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import errno
import hashlib
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime

import structlog

from vms.imaging.formats import HEAD_BYTES
from vms.lending import Borrow, borrow_of
from vms.policy import Person
from vms.problems import Problem, Refused
from vms.services import incoming, uploads
from vms.services.uploads import UploadRequest, UploadState
from vms.streams import callers, threads
from vms.streams.answers import answer, refuse, status_of
from vms.streams.callers import Call, NotLetIn
from vms.streams.closing import Receive, Scope, Send
from vms.streams.receiving import MAX_AT_ONCE, Busy, Overflow, Sink

log = structlog.get_logger(__name__)

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
BODY_TYPE = "application/offset+octet-stream"
STALLED_S = 120.0
GUARD_S = 5.0
TAKE_OVER_S = 5.0

_wanted: dict[str, asyncio.Event] = {}
"""Of every upload that is being received in this process: set it to make room for another."""


@dataclass(frozen=True, slots=True)
class _Body:
    """The two ways to get at what is sent: piece by piece, or by the connection's socket."""

    receive: Receive
    borrow: Borrow


class _Wrong(Exception):
    """The request does not follow the protocol, or cannot be served; with its status."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.code)
        self.status, self.problem = status, problem


async def upload(scope: Scope, receive: Receive, send: Send, *, upload_id: str, root: str) -> None:
    """Serve one request; `upload_id` is "" for the collection, `root` the path of that."""
    call = callers.call_of(scope)
    headers = {"Tus-Resumable": VERSION}
    try:
        status, more = await _serve(call, _Body(receive, borrow_of(scope)), upload_id, root)
    except _Wrong as wrong:
        await refuse(send, wrong.problem, headers | {"Tus-Version": VERSION}, status=wrong.status)
    except (Problem, NotLetIn) as problem:
        status = 415 if problem.code == "image-not-as-named" else status_of(problem)
        await refuse(send, problem, headers, status=status)
    except Exception as error:  # top loop of a request
        log.exception("upload-failed", upload=upload_id)
        await refuse(send, error, headers)
    else:
        await answer(send, status, headers | more)


async def _serve(call: Call, body: _Body, upload_id: str, root: str) -> tuple[int, dict[str, str]]:
    if call.method == "OPTIONS":
        return 204, _abilities()
    if call.headers.get("tus-resumable") != VERSION:
        raise _Wrong(412, Problem("upload-protocol", detail=f"Tus-Resumable: {VERSION}"))
    person = await callers.admit(call)
    if not upload_id:
        if call.method != "POST":
            raise _Wrong(405, Problem("upload-protocol", detail=call.method))
        return await _create(call, person, root)
    if call.method == "HEAD":
        return await _tell(person, upload_id)
    if call.method == "PATCH":
        return await _receive(call, body, person, upload_id)
    if call.method == "DELETE":
        await _evict(upload_id)
        await threads.read(lambda: uploads.discard(actor=person, upload_id=upload_id))
        return 204, {}
    raise _Wrong(405, Problem("upload-protocol", detail=call.method))


def _abilities() -> dict[str, str]:
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        "Tus-Max-Size": str(incoming.largest_bytes()),
    }


async def _create(call: Call, person: Person, root: str) -> tuple[int, dict[str, str]]:
    values = _metadata(call.headers.get("upload-metadata", ""))
    request = UploadRequest(
        filename=values.get("filename", ""),
        size_bytes=_number(call, "upload-length"),
        pool_id=values.get("pool", ""),
        checksum=values.get("checksum", ""),
    )
    try:
        state = await threads.read(lambda: uploads.begin(actor=person, request=request))
    except Refused as problem:
        full = {"uploads-full": 507}
        raise _Wrong(full.get(problem.code, 409), problem) from None
    except Problem as problem:
        if problem.code == "upload-too-large":
            raise _Wrong(413, problem) from None
        raise
    return 201, {"Location": f"{root}{state.id}", **_expiry(state)}


async def _tell(person: Person, upload_id: str) -> tuple[int, dict[str, str]]:
    """Say where to go on; whoever still sends on a dead connection is cut off first."""
    await threads.read(lambda: uploads.look(actor=person, upload_id=upload_id))
    await _evict(upload_id)
    state = await threads.read(lambda: uploads.look(actor=person, upload_id=upload_id))
    return 200, {
        "Upload-Offset": str(state.offset_bytes),
        "Upload-Length": str(state.size_bytes),
        **_expiry(state),
    }


async def _receive(
    call: Call, body: _Body, person: Person, upload_id: str
) -> tuple[int, dict[str, str]]:
    if call.headers.get("content-type", "") != BODY_TYPE:
        raise _Wrong(415, Problem("upload-protocol", detail=f"Content-Type: {BODY_TYPE}"))
    algorithm, digest = _checksum(call.headers.get("upload-checksum", ""))
    await threads.read(lambda: uploads.look(actor=person, upload_id=upload_id))
    await _evict(upload_id)
    if len(_wanted) >= MAX_AT_ONCE:
        raise _Wrong(503, Problem("too-many-transfers"))
    state = await threads.read(lambda: uploads.look(actor=person, upload_id=upload_id))
    if _number(call, "upload-offset") != state.offset_bytes:
        raise _Wrong(409, Problem("upload-offset", offset=state.offset_bytes))
    sink = _open(state, algorithm)
    _wanted[state.id] = wanted = asyncio.Event()
    try:
        await _pump(sink, body, person, wanted, state)
        if (sink.is_cut and algorithm) or not sink.has_digest(digest):
            sink.take_back()
            raise _Wrong(460, Problem("upload-checksum"))
    finally:
        del _wanted[state.id]
        sink.close()
    return await _after(person, state, sink.offset)


def _open(state: UploadState, algorithm: str) -> Sink:
    try:
        return Sink(state.path, state.offset_bytes, state.size_bytes, algorithm)
    except Busy:
        raise _Wrong(423, Problem("upload-busy")) from None
    except FileNotFoundError:
        raise _Wrong(410, Problem("upload-expired")) from None


async def _pump(
    sink: Sink, body: _Body, person: Person, wanted: asyncio.Event, state: UploadState
) -> None:
    """Take the body until it ends, stalls, is wanted by another, or the person may no longer."""

    async def look_at_head() -> None:
        if state.offset_bytes < HEAD_BYTES:
            await threads.read(lambda: uploads.check_head(actor=person, upload_id=state.id))

    pump = asyncio.create_task(sink.pump(body.receive, look_at_head, body.borrow))
    guard = asyncio.create_task(_guard(sink, person, wanted))
    try:
        await asyncio.wait({pump, guard}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        guard.cancel()
        if not pump.done():
            pump.cancel()
        ends = await asyncio.gather(pump, guard, return_exceptions=True)
    for end in ends:
        if isinstance(end, Overflow):
            raise _Wrong(413, Problem("upload-beyond"))
        if isinstance(end, OSError) and end.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _Wrong(507, Problem("uploads-full"))
        if isinstance(end, Exception):
            raise end


async def _guard(sink: Sink, person: Person, wanted: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    sink.came_at_s = loop.time()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wanted.wait(), GUARD_S)
            raise _Wrong(409, Problem("upload-busy"))
        if loop.time() - sink.came_at_s > STALLED_S:
            raise _Wrong(408, Problem("upload-protocol", detail="no bytes came"))
        if not await threads.read(callers.is_still_there, person):
            raise NotLetIn(401, "unauthorized")


async def _evict(upload_id: str) -> None:
    """Ask whoever receives this upload on another connection to stop, and wait for that."""
    wanted = _wanted.get(upload_id)
    if wanted is None:
        return
    wanted.set()
    until_s = asyncio.get_running_loop().time() + TAKE_OVER_S
    while upload_id in _wanted and asyncio.get_running_loop().time() < until_s:
        await asyncio.sleep(0.02)


async def _after(person: Person, state: UploadState, offset: int) -> tuple[int, dict[str, str]]:
    """Look at the beginning once it is there; hand over what is whole."""
    if state.offset_bytes < min(HEAD_BYTES, state.size_bytes) <= offset:
        await threads.read(lambda: uploads.check_head(actor=person, upload_id=state.id))
    told = {"Upload-Offset": str(offset)}
    if offset < state.size_bytes:
        now = await threads.read(lambda: uploads.received(actor=person, upload_id=state.id))
        return 204, told | _expiry(now)
    job = await threads.read(lambda: uploads.complete(actor=person, upload_id=state.id))
    return 204, told | {"Kvmweb-Job": str(job.pk)}


def _expiry(state: UploadState) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(state.expires_at.astimezone(UTC), usegmt=True)}


def _number(call: Call, name: str) -> int:
    text = call.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _Wrong(400, Problem("upload-protocol", detail=name.title()))
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """Read pairs of a key and a value in base64."""
    values = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _space, value = pair.partition(" ")
        try:
            values[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _Wrong(400, Problem("upload-protocol", detail="Upload-Metadata")) from None
    return values


def _checksum(text: str) -> tuple[str, bytes]:
    if not text:
        return "", b""
    algorithm, _space, value = text.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in ALGORITHMS or len(digest) != hashlib.new(algorithm).digest_size:
        raise _Wrong(400, Problem("upload-protocol", detail="Upload-Checksum"))
    return algorithm, digest
