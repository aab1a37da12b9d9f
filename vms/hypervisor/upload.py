"""Bytes into a pool. Each chunk is a call of its own, so that none holds a thread for long.

Holes of a file stay holes. The volume is removed when the upload does not reach its end.
"""

from __future__ import annotations

import errno
import io
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

import libvirt

from . import wiping
from .connection import HostConnection, Lane, Session
from .errors import Cancelled, HypervisorError, NoSpace, OperationFailed
from .storage_types import VolumeSpec
from .types import VolumeInfo
from .volumes import describe, filled_up, in_pool, make, pool_of, require_space

_log = logging.getLogger(__name__)

CHUNK_BYTES = 2**20
CHUNK_TIMEOUT_S = 30.0
SETTLE_TIMEOUT_S = 120.0


def upload_bytes(host: HostConnection, *, pool: str, name: str, data: bytes) -> VolumeInfo:
    """Make a raw volume that holds exactly `data`.

    Raises PoolNotFound, PoolInactive, VolumeExists, NoSpace ...; nothing stays on failure.
    """
    return _upload(host, pool, name, io.BytesIO(data), len(data))


def overwrite_bytes(host: HostConnection, *, pool: str, name: str, data: bytes) -> None:
    """Write `data` over the beginning of a volume, which a running guest sees at once.

    The volume must be large enough, and stays where it is whatever happens. Raises PoolNotFound,
    PoolInactive, VolumeNotFound ...
    """
    with host.session(Lane.STREAMS) as session:
        stream = _begin(session, pool, name, len(data))
        _send(session, stream, _pieces(io.BytesIO(data), len(data)), None, None)


def upload_file(
    host: HostConnection,
    *,
    pool: str,
    name: str,
    format: str,
    path: Path,
    capacity_bytes: int = 0,
    progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> VolumeInfo:
    """Copy a local image file into the pool byte for byte, then grow it to `capacity_bytes`.

    `progress` gets the bytes sent so far and `cancelled` is asked between chunks, both in the
    caller's thread. Raises Cancelled, OperationFailed when libvirt sees another format than
    `format`, and what upload_bytes raises; nothing stays on failure.
    """
    with path.open("rb", buffering=0) as source:
        size_bytes = path.stat().st_size
        info = _upload(host, pool, name, source, size_bytes, progress=progress, cancelled=cancelled)
    try:
        if format not in ("raw", "iso", info.format):
            raise OperationFailed(detail=f"{format} != {info.format}")
        if capacity_bytes > info.capacity_bytes:
            info = _grow(host, pool, name, capacity_bytes)
    except HypervisorError:
        _remove(host, pool, name)
        raise
    return info


def _upload(
    host: HostConnection,
    pool: str,
    name: str,
    source: BinaryIO,
    size_bytes: int,
    *,
    progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> VolumeInfo:
    needed_bytes = _data_bytes(source, size_bytes)
    is_piece = _create(host, pool, name, size_bytes, needed_bytes)
    pieces = _pieces(source, size_bytes)
    try:
        if size_bytes:
            with host.session(Lane.STREAMS) as session:
                stream = _begin(session, pool, name, size_bytes)
                _send(session, stream, _filled(pieces) if is_piece else pieces, progress, cancelled)
        made = replace(_settle(host, pool, name), is_piece=is_piece)
        wiping.blank(host, made, size_bytes, lambda _done, _total: None)
        return made
    except NoSpace as error:
        _remove(host, pool, name)
        raise _filled_up(host, pool, error, needed_bytes) from error
    except BaseException:  # whatever ends it, KeyboardInterrupt too, nothing half made stays
        _remove(host, pool, name)
        raise


def _filled_up(host: HostConnection, pool: str, error: NoSpace, needed_bytes: int) -> NoSpace:
    def run(conn: libvirt.virConnect) -> NoSpace:
        return filled_up(pool_of(conn, pool), error, needed_bytes)

    try:
        return host.call(Lane.STREAMS, run, timeout_s=SETTLE_TIMEOUT_S, context={"pool": pool})
    except HypervisorError:
        return error


def _data_bytes(source: BinaryIO, size_bytes: int) -> int:
    """Return how much of the source is no hole."""
    try:
        return min(size_bytes, os.fstat(source.fileno()).st_blocks * 512)
    except OSError:  # in memory
        return size_bytes


def _create(host: HostConnection, pool: str, name: str, size_bytes: int, needed_bytes: int) -> bool:
    """Make the volume; say whether it is a piece of a device, which has no holes."""
    # Always raw: the bytes bring their own format, and a header made here could be longer.
    spec = VolumeSpec(pool, name, "raw", size_bytes)

    def run(conn: libvirt.virConnect) -> bool:
        target = pool_of(conn, pool)
        require_space(target, needed_bytes)
        return make(target, spec).is_piece

    context = {"pool": pool, "name": name}
    return host.call(Lane.STREAMS, run, timeout_s=CHUNK_TIMEOUT_S, context=context)


def _begin(session: Session, pool: str, name: str, size_bytes: int) -> libvirt.virStream:
    def run(conn: libvirt.virConnect) -> libvirt.virStream:
        stream = conn.newStream(0)
        flags = libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
        in_pool(conn, pool, name).upload(stream, 0, size_bytes, flags)
        return stream

    return session.call(run, context={"pool": pool, "name": name, "what": "upload"})


def _send(
    session: Session,
    stream: libvirt.virStream,
    pieces: Iterator[bytes | int],
    progress: Callable[[int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> None:
    sent_bytes = 0
    try:
        for piece in pieces:
            if cancelled is not None and cancelled():
                raise Cancelled()
            if isinstance(piece, int):
                _send_hole(session, stream, piece)
                sent_bytes += piece
            else:
                _send_chunk(session, stream, piece)
                sent_bytes += len(piece)
            if progress is not None:
                progress(sent_bytes)
        session.call(lambda _conn: stream.finish(), timeout_s=SETTLE_TIMEOUT_S)
    except BaseException:
        _abort(session, stream)
        raise


def _pieces(source: BinaryIO, size_bytes: int) -> Iterator[bytes | int]:
    """Give the source from its beginning: bytes, and holes as their lengths."""
    at = 0
    while at < size_bytes:
        data_at, hole_at = _next_data(source, at, size_bytes)
        if data_at > at:
            yield data_at - at
        source.seek(data_at)
        while data_at < hole_at:
            chunk = source.read(min(CHUNK_BYTES, hole_at - data_at))
            if not chunk:
                raise OperationFailed(detail="the file became shorter")
            data_at += len(chunk)
            yield chunk
        at = hole_at


def _filled(pieces: Iterator[bytes | int]) -> Iterator[bytes | int]:
    """Give zeros for holes: libvirtd fills a device's itself, and serves nobody meanwhile."""
    zeros = bytes(CHUNK_BYTES)
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        whole, rest = divmod(piece, CHUNK_BYTES)
        yield from repeat(zeros, whole)
        yield zeros[:rest]


def _next_data(source: BinaryIO, at: int, size_bytes: int) -> tuple[int, int]:
    """Return where the next bytes begin and end that are no hole; both the size when none are."""
    try:
        fd = source.fileno()
        data_at = os.lseek(fd, at, os.SEEK_DATA)
        return data_at, min(size_bytes, os.lseek(fd, data_at, os.SEEK_HOLE))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size_bytes, size_bytes
        return at, size_bytes  # in memory, or on a file system without holes


def _send_hole(session: Session, stream: libvirt.virStream, length: int) -> None:
    session.call(lambda _conn: stream.sendHole(length), timeout_s=CHUNK_TIMEOUT_S)


def _send_chunk(session: Session, stream: libvirt.virStream, chunk: bytes) -> None:
    def run(_conn: libvirt.virConnect) -> None:
        view = chunk
        while view:
            view = view[stream.send(view) :]

    session.call(run, timeout_s=CHUNK_TIMEOUT_S)


def _settle(host: HostConnection, pool: str, name: str) -> VolumeInfo:
    """Let libvirt look at what was uploaded: the format and size it shows were those of before.

    libvirt refreshes by itself after an upload and refuses a second one meanwhile; either will do.
    """

    def run(conn: libvirt.virConnect) -> VolumeInfo:
        try:
            pool_of(conn, pool).refresh(0)
        except libvirt.libvirtError as error:
            _log.debug("refresh of pool %s: %s", pool, error)
        return describe(in_pool(conn, pool, name), pool)

    context = {"pool": pool, "name": name}
    return host.call(Lane.STREAMS, run, timeout_s=SETTLE_TIMEOUT_S, context=context)


def _grow(host: HostConnection, pool: str, name: str, capacity_bytes: int) -> VolumeInfo:
    def run(conn: libvirt.virConnect) -> VolumeInfo:
        volume = in_pool(conn, pool, name)
        volume.resize(capacity_bytes, 0)
        return describe(volume, pool)

    context = {"pool": pool, "name": name, "what": "resize"}
    return host.call(Lane.STREAMS, run, timeout_s=SETTLE_TIMEOUT_S, context=context)


def _remove(host: HostConnection, pool: str, name: str) -> None:
    try:
        host.call(
            Lane.STORAGE,
            lambda conn: in_pool(conn, pool, name).delete(0),
            context={"pool": pool, "name": name},
        )
    except HypervisorError as error:
        _log.warning("volume %s of pool %s stays half made: %s", name, pool, error)


def _abort(session: Session, stream: libvirt.virStream) -> None:
    try:
        session.call(lambda _conn: stream.abort())
    except HypervisorError as error:
        _log.debug("aborting an upload: %s", error)
