"""The file of a recorded screen: a head, then pictures, each compressed by itself.

docs/recordings.md describes it byte by byte. A file that ends in the middle of a picture is whole
up to the one before.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict, dataclass
from typing import Final

MAGIC: Final = b"KVMWRFB1"
KEY: Final = 1
"""A picture from which one can begin: it says the size of the screen and covers all of it."""
CHANGE: Final = 2
LEVEL: Final = 3
MAX_HEAD_BYTES: Final = 4096
HEAD_OF_PICTURE = struct.Struct(">BIII")
HEAD_OF_FILE = struct.Struct(">8sI")


@dataclass(frozen=True, slots=True)
class FileHead:
    """What stands at the begin of a file. `began_at` is in seconds since 1970."""

    width: int
    height: int
    began_at: int
    version: int = 1


@dataclass(frozen=True, slots=True)
class PictureHead:
    """What stands before a picture: when, of which kind, how long unpacked and packed."""

    kind: int
    at_ms: int
    raw_bytes: int
    packed_bytes: int


def pack_file_head(head: FileHead) -> bytes:
    """Return the first bytes of a file."""
    text = json.dumps(asdict(head)).encode()
    return HEAD_OF_FILE.pack(MAGIC, len(text)) + text


def unpack_file_head(data: bytes) -> tuple[FileHead, int] | None:
    """Return the head of a file and where its first picture begins; None if it is none of ours."""
    if len(data) < HEAD_OF_FILE.size:
        return None
    magic, size = HEAD_OF_FILE.unpack_from(data)
    end = HEAD_OF_FILE.size + size
    if magic != MAGIC or size > MAX_HEAD_BYTES or len(data) < end:
        return None
    return FileHead(**json.loads(data[HEAD_OF_FILE.size : end])), end


def pack_picture(kind: int, at_ms: int, messages: bytes) -> bytes:
    """Return a picture as it stands in the file. Takes milliseconds for a large one."""
    packed = zlib.compress(messages, LEVEL)
    return HEAD_OF_PICTURE.pack(kind, at_ms, len(messages), len(packed)) + packed


def unpack_picture_head(data: bytes) -> PictureHead | None:
    """Return what the bytes before a picture say; None when they are too few or of no picture."""
    if len(data) < HEAD_OF_PICTURE.size:
        return None
    head = PictureHead(*HEAD_OF_PICTURE.unpack_from(data))
    return head if head.kind in {KEY, CHANGE} else None
