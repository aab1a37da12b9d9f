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
WINDOW_BYTES = 16 << 20
RECV_BYTES = 1 << 18
PIECE_TIMEOUT_S = 30.0
_HOLE = -3


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

    found = host.call(Lane.STORAGE, run, context={"pool": pool, "name": name})
    if found <= 0:
        raise OperationFailed(detail="the size of the file is not known")
    return found


class Download:
    """The bytes of one part of a volume, window by window. Not to be used by two threads at once.

    libvirt's client takes in whatever the host sends of a stream, however slowly it is read here;
    so each window is a stream of its own, and no more than one window ever waits in memory.
    """

    def __init__(self, session: Session, pool: str, name: str, offset: int, length: int) -> None:
        self._session = session
        self._pool, self._name = pool, name
        self._at, self._end = offset, offset + length
        self._stream: libvirt.virStream | None = None
        self._left = self._hole = 0
        """Of the window: bytes still to come, and how many of the next ones are a hole's."""

    def piece(self) -> bytes:
        """Return the next bytes, b"" after the last. Raises host errors."""
        if self._at >= self._end:
            return b""
        if not self._left:
            self._begin_window()
        data = self._session.call(self._receive, timeout_s=PIECE_TIMEOUT_S)
        if not data:
            raise OperationFailed(detail="the volume ended early")
        self._at += len(data)
        self._left -= len(data)
        return data

    def _begin_window(self) -> None:
        """Open a stream for the next bytes. Raises what libvirt says."""
        self._end_window()
        length = min(WINDOW_BYTES, self._end - self._at)

        def run(conn: libvirt.virConnect) -> libvirt.virStream:
            stream = conn.newStream(0)
            flags = libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
            in_pool(conn, self._pool, self._name).download(stream, self._at, length, flags)
            return stream

        context = {"pool": self._pool, "name": self._name, "what": "download"}
        self._stream = self._session.call(run, context=context)
        self._left, self._hole = length, 0

    def _receive(self, _conn: libvirt.virConnect) -> bytes:
        """Gather about a piece: data, or the zeros of a hole."""
        gathered = bytearray()
        while len(gathered) < min(PIECE_BYTES, self._left):
            if self._hole:
                take = min(self._hole, PIECE_BYTES - len(gathered), self._left - len(gathered))
                gathered += bytes(take)
                self._hole -= take
                continue
            flags = libvirt.VIR_STREAM_RECV_STOP_AT_HOLE
            data = self._stream.recvFlags(RECV_BYTES, flags) if self._stream else b""
            if data == _HOLE and self._stream:
                self._hole = self._stream.recvHole()
            elif not data or isinstance(data, int):
                break
            else:
                gathered += data
        return bytes(gathered[: self._left])

    def _end_window(self) -> None:
        """Let the stream go: finished when all of it has come, else given up."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        end = stream.abort if self._left else stream.finish
        try:
            self._session.call(lambda _conn: end())
        except HypervisorError as error:
            _log.debug("ending a download: %s", error)

    def close(self) -> None:
        """Let what is open go."""
        self._end_window()


@contextmanager
def opened(
    host: HostConnection, *, pool: str, name: str, offset: int, length: int
) -> Iterator[Download]:
    """Open `length` bytes from `offset` of a volume's file. Raises what libvirt says."""
    with host.session(Lane.STREAMS) as session:
        download = Download(session, pool, name, offset, length)
        try:
            yield download
        finally:
            download.close()
