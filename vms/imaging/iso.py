"""The descriptors of an ISO image: who made it, what it is called, whether a PC boots from it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vms.problems import Problem

SECTOR = 2048
FIRST_DESCRIPTOR = 16
MOST_DESCRIPTORS = 32
_BOOT, _PRIMARY, _LAST = 0, 1, 255
_BOOTABLE = 0x88
_EL_TORITO = b"EL TORITO SPECIFICATION"
_HEADERS = (0x90, 0x91)
MOST_SECTIONS = 32


@dataclass(frozen=True, slots=True)
class IsoFacts:
    """What the descriptors say. `is_bootable`: a BIOS boots from it; `has_efi`: UEFI does."""

    volume_id: str
    system_id: str
    publisher_id: str
    application_id: str
    is_bootable: bool
    has_efi: bool


def read(path: Path) -> IsoFacts:
    """Read the descriptors. Raises Problem for a file that ends before the volume does."""
    size_bytes = path.stat().st_size
    with path.open("rb") as source:
        primary, boot = _descriptors(source)
        if primary is None:
            raise Problem("image-damaged", detail="ISO 9660")
        (blocks,) = struct.unpack_from("<I", primary, 80)
        (block_bytes,) = struct.unpack_from("<H", primary, 128)
        if blocks * block_bytes > size_bytes:
            raise Problem("image-truncated")
        platforms = _platforms(source, boot) if boot else frozenset()
    return IsoFacts(
        volume_id=_text(primary[40:72]),
        system_id=_text(primary[8:40]),
        publisher_id=_text(primary[318:446]),
        application_id=_text(primary[574:702]),
        is_bootable=bool(platforms & {0, 1, 2}),
        has_efi=0xEF in platforms,
    )


def _descriptors(source: BinaryIO) -> tuple[bytes | None, bytes | None]:
    primary = boot = None
    source.seek(FIRST_DESCRIPTOR * SECTOR)
    for _each in range(MOST_DESCRIPTORS):
        sector = source.read(SECTOR)
        if len(sector) < SECTOR or sector[1:6] != b"CD001" or sector[0] == _LAST:
            break
        if sector[0] == _PRIMARY:
            primary = primary or sector
        elif sector[0] == _BOOT and sector[7:].startswith(_EL_TORITO):
            boot = boot or sector
    return primary, boot


def _platforms(source: BinaryIO, boot: bytes) -> frozenset[int]:
    """Return the platforms of the boot catalogue's entries that are marked as bootable."""
    (at,) = struct.unpack_from("<I", boot, 71)
    source.seek(at * SECTOR)
    catalogue = source.read(SECTOR)
    if len(catalogue) < 64 or catalogue[0] != 1 or catalogue[30:32] != b"\x55\xaa":
        return frozenset()
    platform, found = catalogue[1], set()
    for index in range(1, min(len(catalogue) // 32, 2 * MOST_SECTIONS)):
        entry = catalogue[32 * index : 32 * index + 32]
        if entry[0] in _HEADERS:
            platform = entry[1]
        elif entry[0] == _BOOTABLE:
            found.add(platform)
    return frozenset(found)


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")
