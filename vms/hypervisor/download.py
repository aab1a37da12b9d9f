"""Bytes out of a pool, from any offset. Each piece is a call of its own; holes come as zeros."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import libvirt

from .connection import HostConnection, Lane, Session
from .errors import HypervisorError, OperationFailed
from .volumes import in_pool
from .xml.tree import read, size_bytes

_log = logging.getLogger(__name__)

PIECE_BYTES = 1 << 20
RECV_BYTES = 1 << 18
PIECE_TIMEOUT_S = 30.0
_HOLE = -3
_ZEROS = bytes(PIECE_BYTES)


def file_bytes(host: HostConnection, *, pool: str, name: str) -> int:
    """Return how many bytes a volume's file has, which for qcow2 is not the size of the disk.

    Raises PoolNotFound, PoolInactive, VolumeNotFound, OperationFailed where nobody knows.
    """

    def run(conn: libvirt.virConnect) -> int:
        volume = in_pool(conn, pool, name)
        root = read(volume.XMLDesc(0))
        element = root.find("physical")
        if element is None and volume.info()[0] == libvirt.VIR_STORAGE_VOL_BLOCK:
            element = root.find("capacity")
        return size_bytes(element)

    found = host.call(Lane.WATCH, run, context={"pool": pool, "name": name})
    if found <= 0:
        raise OperationFailed(detail="the size of the file is not known")
    return found


class Download:
    """A stream of one volume. Not to be used by two threads at once."""

    def __init__(self, session: Session, stream: libvirt.virStream, length: int) -> None:
        self._session, self._stream = session, stream
        self._left = length
        self._hole = 0

    def piece(self) -> bytes:
        """Return the next bytes, b"" after the last. Raises host errors."""
        if self._left <= 0:
            return b""
        if self._hole >= PIECE_BYTES and self._left >= PIECE_BYTES:
            data = _ZEROS
            self._hole -= PIECE_BYTES
        else:
            data = self._session.call(self._receive, timeout_s=PIECE_TIMEOUT_S)
        self._left -= len(data)
        if not data:
            raise OperationFailed(detail="the volume ended early")
        return data

    def _receive(self, _conn: libvirt.virConnect) -> bytes:
        """Gather about a piece: data, or the zeros of a hole."""
        gathered = bytearray()
        while len(gathered) < PIECE_BYTES and len(gathered) < self._left:
            if self._hole:
                take = min(self._hole, PIECE_BYTES - len(gathered), self._left - len(gathered))
                gathered += bytes(take)
                self._hole -= take
                continue
            flags = libvirt.VIR_STREAM_RECV_STOP_AT_HOLE
            data = self._stream.recvFlags(RECV_BYTES, flags)
            if data == _HOLE:
                self._hole = self._stream.recvHole()
            elif not data or isinstance(data, int):
                break
            else:
                gathered += data
        return bytes(gathered[: self._left])

    def close(self) -> None:
        """Let the stream go: finished when all has come, else given up."""
        end = self._stream.finish if self._left <= 0 else self._stream.abort
        try:
            self._session.call(lambda _conn: end())
        except HypervisorError as error:
            _log.debug("ending a download: %s", error)


@contextmanager
def opened(
    host: HostConnection, *, pool: str, name: str, offset: int, length: int
) -> Iterator[Download]:
    """Open `length` bytes from `offset` of a volume's file. Raises what libvirt says."""

    def run(conn: libvirt.virConnect) -> libvirt.virStream:
        stream = conn.newStream(0)
        flags = libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
        in_pool(conn, pool, name).download(stream, offset, length, flags)
        return stream

    with host.session(Lane.STREAMS) as session:
        context = {"pool": pool, "name": name, "what": "download"}
        download = Download(session, session.call(run, context=context), length)
        try:
            yield download
        finally:
            download.close()
