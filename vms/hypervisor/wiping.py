"""Overwriting what a volume holds, so that nobody after its owner reads it."""

from __future__ import annotations

from collections.abc import Callable

import libvirt

from .connection import HostConnection, Lane, Session
from .errors import HypervisorError
from .types import VolumeInfo
from .volumes import in_pool

Progress = Callable[[int, int], None]
"""Gets the bytes done and all bytes, in the caller's thread; what it raises ends the work."""

CHUNK_BYTES = 2**20
CHUNK_TIMEOUT_S = 60.0
GAP_BYTES = 2**20
"""Holes smaller than this are overwritten like data: each piece costs a stream of its own."""


def blank(host: HostConnection, volume: VolumeInfo, start_bytes: int, progress: Progress) -> None:
    """Overwrite a new volume from there to its end, if it is a piece that was cut from a device.

    A file begins empty; a piece of a device holds what its last owner left.
    """
    if not volume.is_piece:
        return
    place = (volume.pool, volume.name)
    context = {"pool": volume.pool, "name": volume.name, "what": "wipe"}
    with host.session(Lane.COPIES) as session:
        left = session.call(lambda conn: _length(conn, *place), context=context) - start_bytes
        if left > 0:
            _zero(session, place, (start_bytes, left), (0, left), progress)


def wipe(host: HostConnection, *, pool: str, name: str, progress: Progress) -> None:
    """Overwrite with zeros all that the volume holds; holes of a sparse file stay holes.

    What was overwritten when `progress` raises is lost all the same.
    """
    context = {"pool": pool, "name": name, "what": "wipe"}
    with host.session(Lane.COPIES) as session:
        size = session.call(lambda conn: _length(conn, pool, name), context=context)
        pieces = _pieces(session, pool, name, size, progress)
        total = size + sum(length for _at, length in pieces)
        done = size
        for offset, length in pieces:
            done = _zero(session, (pool, name), (offset, length), (done, total), progress)
    progress(total, total)


def _length(conn: libvirt.virConnect, pool: str, name: str) -> int:
    """Return how long the file or device is, which for qcow2 is not what a guest sees."""
    volume = in_pool(conn, pool, name)
    info = volume.infoFlags(libvirt.VIR_STORAGE_VOL_GET_PHYSICAL)
    return int(info[2])


def _pieces(
    session: Session, pool: str, name: str, size: int, progress: Progress
) -> list[tuple[int, int]]:
    """Find where the volume holds data, by reading it once; one piece where holes are unknown."""

    def begin(conn: libvirt.virConnect) -> libvirt.virStream:
        stream = conn.newStream(0)
        flag = libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
        in_pool(conn, pool, name).download(stream, 0, 0, flag)
        return stream

    def step(_conn: libvirt.virConnect) -> tuple[int, int]:
        flag = libvirt.VIR_STREAM_RECV_STOP_AT_HOLE
        got = stream.recvFlags(CHUNK_BYTES, flag)
        return (0, int(stream.recvHole(0))) if got == -3 else (len(got), 0)

    stream = session.call(begin, context={"pool": pool, "name": name, "what": "download"})
    pieces: list[tuple[int, int]] = []
    at = 0
    try:
        while True:
            data, hole = session.call(step, timeout_s=CHUNK_TIMEOUT_S)
            if not data and not hole:
                break
            if data:
                _append(pieces, at, data)
            at += data + hole
            progress(min(at, size), 2 * size)
        session.call(lambda _conn: stream.finish(), timeout_s=CHUNK_TIMEOUT_S)
    except BaseException:
        _abort(session, stream)
        raise
    return pieces


def _append(pieces: list[tuple[int, int]], offset: int, length: int) -> None:
    if pieces:
        start, before = pieces[-1]
        if offset - (start + before) <= GAP_BYTES:
            pieces[-1] = (start, offset + length - start)
            return
    pieces.append((offset, length))


def _zero(
    session: Session,
    volume: tuple[str, str],
    piece: tuple[int, int],
    count: tuple[int, int],
    progress: Progress,
) -> int:
    """Overwrite one piece; returns the bytes done so far."""
    (pool, name), (offset, length), (done, total) = volume, piece, count

    def begin(conn: libvirt.virConnect) -> libvirt.virStream:
        stream = conn.newStream(0)
        in_pool(conn, pool, name).upload(stream, offset, length, 0)
        return stream

    def send(_conn: libvirt.virConnect) -> None:
        view = zeros[: min(left, CHUNK_BYTES)]
        while view:
            view = view[stream.send(view) :]

    zeros, left = bytes(CHUNK_BYTES), length
    stream = session.call(begin, context={"pool": pool, "name": name, "what": "upload"})
    try:
        while left:
            session.call(send, timeout_s=CHUNK_TIMEOUT_S)
            step = min(left, CHUNK_BYTES)
            left, done = left - step, done + step
            progress(done, total)
        session.call(lambda _conn: stream.finish(), timeout_s=CHUNK_TIMEOUT_S)
    except BaseException:
        _abort(session, stream)
        raise
    return done


def _abort(session: Session, stream: libvirt.virStream) -> None:
    try:
        session.call(lambda _conn: stream.abort())
    except HypervisorError:
        return
