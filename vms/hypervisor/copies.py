"""Calls that take as long as a volume is large: making it full, cloning it, wiping it.

libvirt can stop none of its own copies. Whoever gives up goes on at once; what was half made can be
deleted as soon as libvirt lets go of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import libvirt

from .connection import HostConnection, Lane, Session
from .errors import HypervisorError, NoSpace, VolumeExists
from .storage import find_by_path, get_volume
from .storage_types import VolumeSpec
from .types import VolumeInfo
from .volumes import describe, filled_up, in_pool, pool_of, require_space
from .xml.build import volume_xml

Progress = Callable[[int, int], None]
"""Gets the bytes done and all bytes, in the caller's thread; what it raises ends the waiting."""

LONGEST_S = 24 * 3600.0
POLL_S = 0.25
CHUNK_BYTES = 2**20
CHUNK_TIMEOUT_S = 60.0
GAP_BYTES = 2**20
"""Holes smaller than this are overwritten like data: each piece costs a stream of its own."""
DEEPEST = 50


def create(host: HostConnection, spec: VolumeSpec, progress: Progress) -> VolumeInfo:
    """Make an empty volume, all its space taken if it is to be preallocated.

    Raises PoolInactive, VolumeExists, NoSpace, InvalidConfig, and whatever `progress` raises.
    """
    flags, total = 0, 0
    if spec.is_preallocated:
        total = spec.capacity_bytes
        if spec.format == "qcow2":
            flags = libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA
    xml = volume_xml(
        name=spec.name,
        format=spec.format,
        capacity_bytes=spec.capacity_bytes,
        allocation_bytes=total,
    )

    def run(conn: libvirt.virConnect) -> VolumeInfo:
        pool = _free_place(conn, spec, total)
        return describe(pool.createXML(xml, flags), spec.pool)

    return _run_long(host, run, spec, total, progress)


def clone(
    host: HostConnection, *, pool: str, name: str, spec: VolumeSpec, progress: Progress
) -> VolumeInfo:
    """Make a volume with all that the volume `name` of `pool` holds, and its backing files below.

    The new one stands alone. Raises as `create` does, and VolumeNotFound; the source is only read.
    """
    source = get_volume(host, pool=pool, name=name)
    total = _chain_bytes(host, source)
    xml = volume_xml(name=spec.name, format=spec.format, capacity_bytes=spec.capacity_bytes)

    def run(conn: libvirt.virConnect) -> VolumeInfo:
        target = _free_place(conn, spec, total)
        made = target.createXMLFrom(xml, in_pool(conn, pool, name), 0)
        return describe(made, spec.pool)

    return _run_long(host, run, spec, total, progress)


def _free_place(
    conn: libvirt.virConnect, spec: VolumeSpec, needed_bytes: int
) -> libvirt.virStoragePool:
    pool = pool_of(conn, spec.pool)
    if spec.name in pool.listVolumes():  # drivers differ in how they say so
        raise VolumeExists(pool=spec.pool, name=spec.name)
    require_space(pool, needed_bytes)
    return pool


def _chain_bytes(host: HostConnection, volume: VolumeInfo) -> int:
    """Return what a copy of the volume takes at most: all that it and the files below it hold."""
    total, seen = 0, 0
    below: VolumeInfo | None = volume
    while below is not None and seen < DEEPEST:
        total, seen = total + below.allocation_bytes, seen + 1
        below = find_by_path(host, below.backing_path) if below.backing_path else None
    return min(total, max(volume.capacity_bytes, volume.allocation_bytes))


class _Call(threading.Thread):
    """A call on the lane of copies that its caller need not wait for."""

    def __init__(
        self,
        host: HostConnection,
        run: Callable[[libvirt.virConnect], VolumeInfo],
        spec: VolumeSpec,
    ) -> None:
        super().__init__(name="libvirt-copy", daemon=True)
        self._host, self._run, self._spec = host, run, spec
        self.made: VolumeInfo | None = None
        self.error: HypervisorError | None = None

    def run(self) -> None:
        context = {"pool": self._spec.pool, "name": self._spec.name}
        try:
            self.made = self._host.call(
                Lane.COPIES, self._run, timeout_s=LONGEST_S, context=context
            )
        except HypervisorError as error:
            self.error = error


def _run_long(
    host: HostConnection,
    run: Callable[[libvirt.virConnect], VolumeInfo],
    spec: VolumeSpec,
    total_bytes: int,
    progress: Progress,
) -> VolumeInfo:
    call = _Call(host, run, spec)
    call.start()
    while call.is_alive():
        call.join(POLL_S)
        if total_bytes:
            progress(min(_written(host, spec), total_bytes), total_bytes)
    if isinstance(call.error, NoSpace):
        raise _filled_up(host, spec, call.error) from call.error
    if call.made is None:
        raise call.error or HypervisorError()
    if total_bytes:
        progress(total_bytes, total_bytes)
    return call.made


def _filled_up(host: HostConnection, spec: VolumeSpec, error: NoSpace) -> NoSpace:
    """Say what was missing at most: what is packed may take all that it says to be."""

    def run(conn: libvirt.virConnect) -> NoSpace:
        return filled_up(pool_of(conn, spec.pool), error, spec.capacity_bytes)

    try:
        return host.call(Lane.COPIES, run, context={"pool": spec.pool})
    except HypervisorError:
        return error


def _written(host: HostConnection, spec: VolumeSpec) -> int:
    """Return how much of the new volume is there; 0 while there is none or nobody says."""

    def run(conn: libvirt.virConnect) -> int:
        volume = conn.storagePoolLookupByName(spec.pool).storageVolLookupByName(spec.name)
        return int(volume.info()[2])

    try:
        return host.call(Lane.WATCH, run)
    except HypervisorError:
        return 0


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
