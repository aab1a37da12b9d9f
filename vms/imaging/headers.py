"""The headers of disk images, read before any program opens the file.

Refused is whatever would make a program read another file than this one, or reserve absurd sizes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from vms.imaging.formats import Format
from vms.problems import Problem

MAX_VIRTUAL_BYTES = 2**46
"""64 TiB: more than any disk here, less than what makes tables of gigabytes."""
_EXTERNAL_DATA = 1 << 2
_DATA_FILE_NAME = 0x44415441
_MAX_EXTENSIONS = 64
_VHDX_REGIONS = 192 * 1024
_VHDX_METADATA = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_VHDX_PARAMETERS = UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
_VHDX_SIZE = UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8").bytes_le
_VHDX_HAS_PARENT = 1 << 1
_DESCRIPTOR_BYTES = 64 * 1024
SECTOR = 512


def check(path: Path, format: Format) -> None:
    """Refuse an image that names other files, is encrypted, or claims an absurd size.

    Raises Problem. A format without a header of its own passes.
    """
    reader = _READERS.get(format)
    if reader is None:
        return
    with path.open("rb") as source:
        try:
            reader(source)
        except (struct.error, ValueError) as error:
            raise Problem("image-damaged", detail=str(error)[:200]) from None


def require_size(virtual_bytes: int) -> None:
    """Refuse a disk that claims to be larger than anything here. Raises Problem."""
    if virtual_bytes > MAX_VIRTUAL_BYTES:
        claimed = f"{virtual_bytes >> 40} TiB"
        raise Problem("image-absurd-size", size=claimed, limit=f"{MAX_VIRTUAL_BYTES >> 40} TiB")


def _at(source: BinaryIO, offset: int, length: int) -> bytes:
    """Read exactly that much. Raises Problem where the file ends before."""
    source.seek(offset)
    data = source.read(length)
    if len(data) < length:
        raise Problem("image-truncated")
    return data


def _qcow2(source: BinaryIO) -> None:
    head = _at(source, 0, 104)
    version, backing_offset = struct.unpack_from(">IQ", head, 4)
    (size,) = struct.unpack_from(">Q", head, 24)
    (crypt,) = struct.unpack_from(">I", head, 32)
    if version not in (2, 3):
        raise Problem("image-damaged", detail=f"qcow2 version {version}")
    if backing_offset:
        raise Problem("image-has-backing")
    if crypt:
        raise Problem("image-encrypted")
    require_size(size)
    if version == 3:
        (incompatible,) = struct.unpack_from(">Q", head, 72)
        (length,) = struct.unpack_from(">I", head, 100)
        if incompatible & _EXTERNAL_DATA:
            raise Problem("image-has-data-file")
        _qcow2_extensions(source, length)


def _qcow2_extensions(source: BinaryIO, offset: int) -> None:
    """Walk the header's extensions: one of them names a data file."""
    for _each in range(_MAX_EXTENSIONS):
        kind, length = struct.unpack(">II", _at(source, offset, 8))
        if kind == _DATA_FILE_NAME:
            raise Problem("image-has-data-file")
        if kind == 0:
            return
        offset += 8 + (length + 7) // 8 * 8
    raise Problem("image-damaged", detail="qcow2 header extensions")


def _vmdk(source: BinaryIO) -> None:
    head = _at(source, 0, 79)
    if head[:4] != b"KDMV":  # a descriptor as a text file, or the format of an old ESX
        raise Problem("image-names-others")
    (sectors,) = struct.unpack_from("<Q", head, 12)
    descriptor_at, descriptor_sectors = struct.unpack_from("<QQ", head, 28)
    require_size(sectors * SECTOR)
    if not descriptor_at or not descriptor_sectors:
        return
    length = min(descriptor_sectors * SECTOR, _DESCRIPTOR_BYTES)
    _vmdk_descriptor(_at(source, descriptor_at * SECTOR, length).split(b"\0", 1)[0])


def _vmdk_descriptor(text: bytes) -> None:
    values: dict[str, str] = {}
    extents = 0
    for line in text.decode("latin-1").splitlines():
        key, separator, value = line.partition("=")
        if separator:
            values[key.strip().lower()] = value.strip().strip('"')
        elif line.split(" ", 1)[0] in ("RW", "RDONLY", "NOACCESS"):
            extents += 1
    if values.get("parentfilenamehint") or values.get("parentcid", "ffffffff") != "ffffffff":
        raise Problem("image-has-backing")
    whole = values.get("createtype", "") in ("monolithicSparse", "streamOptimized")
    if extents > 1 or not whole:
        raise Problem("image-names-others")


def _vdi(source: BinaryIO) -> None:
    head = _at(source, 0, 0x1C8)
    (kind,) = struct.unpack_from("<I", head, 0x4C)
    (size,) = struct.unpack_from("<Q", head, 0x170)
    link, parent = head[0x1A8:0x1B8], head[0x1B8:0x1C8]
    if kind not in (1, 2) or any(link) or any(parent):
        raise Problem("image-has-backing")
    require_size(size)
    data_at, block, extra, allocated = struct.unpack_from("<I28xII4xI", head, 0x158)
    source.seek(0, os.SEEK_END)
    if source.tell() < data_at + allocated * (block + extra):
        raise Problem("image-truncated")


def _vhdx(source: BinaryIO) -> None:
    metadata = _vhdx_metadata(source)
    count = struct.unpack_from("<H", _at(source, metadata, 32), 10)[0]
    for index in range(min(count, 2047)):
        entry = _at(source, metadata + 32 + 32 * index, 32)
        offset, length = struct.unpack_from("<II", entry, 16)
        if entry[:16] == _VHDX_PARAMETERS and length >= 8:
            (bits,) = struct.unpack_from("<I", _at(source, metadata + offset, 8), 4)
            if bits & _VHDX_HAS_PARENT:
                raise Problem("image-has-backing")
        if entry[:16] == _VHDX_SIZE and length >= 8:
            require_size(struct.unpack("<Q", _at(source, metadata + offset, 8))[0])


def _vhdx_metadata(source: BinaryIO) -> int:
    """Return where the metadata region begins."""
    table = _at(source, _VHDX_REGIONS, 64 * 1024)
    signature, _checksum, count = struct.unpack_from("<4sII", table)
    if signature != b"regi":
        raise Problem("image-damaged", detail="vhdx regions")
    for index in range(min(count, 2047)):
        entry = table[16 + 32 * index : 48 + 32 * index]
        if entry[:16] == _VHDX_METADATA:
            offset = struct.unpack_from("<Q", entry, 16)[0]
            source.seek(0, os.SEEK_END)
            if offset > source.tell():
                raise Problem("image-truncated")
            return int(offset)
    raise Problem("image-damaged", detail="vhdx metadata")


_READERS: dict[Format, Callable[[BinaryIO], None]] = {
    Format.QCOW2: _qcow2,
    Format.VMDK: _vmdk,
    Format.VDI: _vdi,
    Format.VHDX: _vhdx,
}
