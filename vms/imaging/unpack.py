"""Unpack what was compressed, in constant memory and never beyond a limit; zeros become holes."""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard
from lxml import etree

from vms.imaging.formats import Packing
from vms.problems import Problem

CHUNK_BYTES = 1 << 20
XZ_MEMORY_BYTES = 256 << 20
ZSTD_WINDOW_BYTES = 128 << 20
ZSTD_FEED_BYTES = 1024
RESERVE_BYTES = 1 << 30
"""What is always left free on the disk of the uploads."""
SPACE_CHECK_BYTES = 64 << 20
MAX_OVF_BYTES = 1 << 20
MAX_MEMBERS = 1000
_ZEROS = bytes(CHUNK_BYTES)

Progress = Callable[[int], None]
"""Gets the bytes of the source read so far; what it raises ends the work."""


def unpack(
    source: Path, target: Path, packing: Packing, *, limit_bytes: int, progress: Progress
) -> None:
    """Write what is packed in `source` to `target`, a new file.

    The target stays when it fails, which is the caller's to remove. Raises
    Problem("image-too-large") beyond the limit, "image-damaged", "uploads-full".
    """
    with source.open("rb") as packed, _create(target) as out:
        chunks = _READERS[packing](packed)
        try:
            for chunk in within(chunks, limit_bytes, target):
                _write(out, chunk)
                progress(packed.tell())
        except (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise Problem("image-damaged", detail=str(error)[:200]) from error
        out.truncate(out.tell())


def extract_disk(source: Path, target: Path, *, limit_bytes: int, progress: Progress) -> None:
    """Write the one disk of an OVA to `target`. Raises Problem for anything but one disk."""
    try:
        with tarfile.open(source, "r:") as archive, _create(target) as out:
            member = _disk_of(archive)
            reader = archive.extractfile(member)
            if reader is None:
                raise Problem("ova-no-disk")
            began = member.offset_data
            for chunk in within(_read(reader), limit_bytes, target):
                _write(out, chunk)
                progress(began + out.tell())
            out.truncate(out.tell())
            if out.tell() < member.size:
                raise Problem("image-truncated")
    except tarfile.TarError as error:
        raise Problem("image-damaged", detail=str(error)[:200]) from error


def _disk_of(archive: tarfile.TarFile) -> tarfile.TarInfo:
    """Find the disk that the description names; names are compared and never opened."""
    members: dict[str, tarfile.TarInfo] = {}
    for count, member in enumerate(archive):
        if count >= MAX_MEMBERS:
            raise Problem("image-damaged", detail="OVA")
        if member.isreg():
            members[member.name] = member
    descriptions = [each for name, each in members.items() if name.lower().endswith(".ovf")]
    if len(descriptions) != 1 or descriptions[0].size > MAX_OVF_BYTES:
        raise Problem("ova-no-disk")
    text = archive.extractfile(descriptions[0])
    names = _disk_names(text.read(MAX_OVF_BYTES)) if text else []
    disks = [members[name] for name in names if name in members]
    if len(disks) > 1:
        raise Problem("ova-several-disks", count=len(disks))
    if not disks:
        raise Problem("ova-no-disk")
    return disks[0]


def _disk_names(text: bytes) -> list[str]:
    """Return the files that an OVF's disks refer to."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise Problem("image-damaged", detail="OVF") from error
    files = {_value(each, "id"): _value(each, "href") for each in root.iter("{*}File")}
    return [
        files[ref] for each in root.iter("{*}Disk") if (ref := _value(each, "fileRef")) in files
    ]


def _value(element: etree._Element, name: str) -> str:
    """Return an attribute, whatever its namespace."""
    found = (str(v) for key, v in element.attrib.items() if etree.QName(str(key)).localname == name)
    return next(found, "")


def within(chunks: Iterator[bytes], limit_bytes: int, target: Path) -> Iterator[bytes]:
    """Pass chunks on until they exceed the limit or fill the disk. Raises Problem."""
    total = unchecked = 0
    for chunk in chunks:
        total += len(chunk)
        unchecked += len(chunk)
        if total > limit_bytes:
            raise Problem("image-too-large", limit=f"{limit_bytes >> 30} GiB")
        if unchecked >= SPACE_CHECK_BYTES:
            unchecked = 0
            require_space(target.parent, 0)
        yield chunk


def require_space(folder: Path, size_bytes: int) -> None:
    """Refuse where so much would leave less than the reserve. Raises Problem("uploads-full") with
    the bytes that are missing.
    """
    missing = size_bytes + RESERVE_BYTES - shutil.disk_usage(folder).free
    if missing > 0:
        raise Problem("uploads-full", missing_bytes=missing)


@contextlib.contextmanager
def in_folder(folder: Path) -> Iterator[None]:
    """Say that the disk of a folder is full where a write finds it so. Raises Problem."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        require_space(folder, 1)
        raise Problem("uploads-full") from error


def _create(target: Path) -> BinaryIO:
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    return os.fdopen(fd, "wb")


def _write(out: BinaryIO, chunk: bytes) -> None:
    if chunk == _ZEROS[: len(chunk)]:
        out.seek(len(chunk), os.SEEK_CUR)
    else:
        out.write(chunk)


def _read(stream: BinaryIO | gzip.GzipFile | object) -> Iterator[bytes]:
    read = stream.read  # type: ignore[union-attr]  # tarfile's readers have no common type
    while chunk := read(CHUNK_BYTES):
        yield chunk


def _gz(packed: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed) as stream:
        yield from _read(stream)


def _xz(packed: BinaryIO) -> Iterator[bytes]:
    """Unpack streams of xz one after the other; its dictionary may not exceed a limit."""
    data = packed.read(CHUNK_BYTES)
    while data:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)
        while not stream.eof:
            yield stream.decompress(data, CHUNK_BYTES)
            data = packed.read(CHUNK_BYTES) if stream.needs_input else b""
            if not data and stream.needs_input and not stream.eof:
                raise EOFError("xz")
        data = (stream.unused_data or packed.read(CHUNK_BYTES)).lstrip(b"\0")


def _zst(packed: BinaryIO) -> Iterator[bytes]:
    """Unpack frames one after the other.

    Fed by the kilobyte: a call gives back all it can, and four bytes may stand for 128 KiB.
    """
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    gathered, rest = bytearray(), b""
    while rest or (rest := packed.read(ZSTD_FEED_BYTES)):
        frame = decompressor.decompressobj()
        while not frame.eof:
            if not rest:
                raise EOFError("zstd")
            gathered += frame.decompress(rest)
            while len(gathered) >= CHUNK_BYTES:
                yield bytes(gathered[:CHUNK_BYTES])
                del gathered[:CHUNK_BYTES]
            rest = b"" if frame.eof else packed.read(ZSTD_FEED_BYTES)
        rest = frame.unused_data
    yield bytes(gathered)


_READERS: dict[Packing, Callable[[BinaryIO], Iterator[bytes]]] = {
    Packing.GZ: _gz,
    Packing.XZ: _xz,
    Packing.ZST: _zst,
}
