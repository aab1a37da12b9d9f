"""The files of recordings: one folder in the home, names made of ids alone, only ever longer.

A process that is killed leaves at most a last piece that is not whole, which readers pass over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from vms import asciicast
from vms.rfb import recording

FOLDER = "recordings"
SUFFIXES = {"vnc": ".kvmrfb", "serial": ".cast"}
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_HEAD_BYTES = recording.HEAD_OF_FILE.size + recording.MAX_HEAD_BYTES


class NoRoom(Exception):
    """The disk takes no more."""


def folder() -> Path:
    """Return the folder, made on first use, for nobody else's eyes."""
    path: Path = settings.KVMWEB.home / FOLDER
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_of(key: uuid.UUID | str, kind: str) -> Path:
    """Return where a recording is; `key` must be a UUID, whatever it was made from."""
    return folder() / f"{uuid.UUID(str(key))}{SUFFIXES[kind]}"


def size_of(path: Path) -> int:
    """Return the size of a file; 0 when it is gone."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def free_bytes() -> int:
    """Return the space on the disk of the recordings."""
    return shutil.disk_usage(folder()).free


class Tape:
    """A new file that grows. Thread-safe; what comes after `close` is dropped."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file: int | None = os.open(path, flags, 0o600)
        self._lock = threading.Lock()
        self.size_bytes = 0

    def append(self, piece: bytes) -> None:
        """Write a piece whole or not at all. Raises NoRoom, OSError."""
        with self._lock:
            if self._file is None:
                return
            try:
                self._write(self._file, piece)
            except OSError as error:
                os.ftruncate(self._file, self.size_bytes)
                if error.errno in _NO_ROOM:
                    raise NoRoom from error
                raise
            self.size_bytes += len(piece)

    @staticmethod
    def _write(file: int, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(file, rest) :]

    def close(self) -> None:
        """Bring it to the disk and close it; a second time is fine."""
        with self._lock:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.fdatasync(self._file)
                os.close(self._file)
                self._file = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a file: whole pieces up to `size_bytes`, the last at `duration_ms`.

    `keys` are the pictures from which one can begin: milliseconds, and the place in the file.
    """

    duration_ms: int = 0
    size_bytes: int = 0
    width: int = 0
    height: int = 0
    keys: tuple[tuple[int, int], ...] = ()


def contents(path: Path, kind: str) -> Contents:
    """Look through a file; one that is gone or none of ours has nothing in it."""
    try:
        return _screen(path) if kind == "vnc" else _terminal(path)
    except FileNotFoundError:
        return Contents()


def repair(path: Path, kind: str) -> Contents:
    """Cut off what a process that was killed left unfinished; return what is there."""
    found = contents(path, kind)
    if size_of(path) > found.size_bytes:
        os.truncate(path, found.size_bytes)
    return found


def _screen(path: Path) -> Contents:
    with path.open("rb", buffering=0) as file:
        total = os.fstat(file.fileno()).st_size
        begin = recording.unpack_file_head(file.read(_HEAD_BYTES))
        if begin is None:
            return Contents()
        head, at = begin
        last_ms, keys = 0, []
        for place, end, picture in _pictures(file.fileno(), at, total):
            if picture.kind == recording.KEY:
                keys.append((picture.at_ms, place))
            last_ms, at = picture.at_ms, end
    return Contents(last_ms, at, head.width, head.height, tuple(keys))


def _pictures(file: int, at: int, total: int) -> Iterator[tuple[int, int, recording.PictureHead]]:
    """Give begin, end and head of every whole picture."""
    size = recording.HEAD_OF_PICTURE.size
    while picture := recording.unpack_picture_head(os.pread(file, size, at)):
        end = at + size + picture.packed_bytes
        if end > total:
            return
        yield at, end, picture
        at = end


def _terminal(path: Path) -> Contents:
    last_ms = whole = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            last_ms = asciicast.time_of(line) or last_ms
    return Contents(last_ms, whole, asciicast.COLUMNS, asciicast.ROWS)
