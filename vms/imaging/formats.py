"""What an image is by its name, and what it is by its first bytes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from vms.problems import Problem

HEAD_BYTES = 36 * 1024
"""As much of a file as `sniff` wants: an ISO is known by what stands after 32 KiB."""


class Format(StrEnum):
    """How a disk or a CD is written down."""

    ISO = "iso"
    QCOW2 = "qcow2"
    RAW = "raw"
    VMDK = "vmdk"
    VDI = "vdi"
    VHDX = "vhdx"
    OVA = "ova"


class Packing(StrEnum):
    """What was put around it to make it smaller."""

    NONE = ""
    GZ = "gz"
    XZ = "xz"
    ZST = "zst"


KEPT = frozenset({Format.ISO, Format.QCOW2, Format.RAW})
"""Formats that go into a pool byte by byte; the others are converted to qcow2."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a name says. `format` is None where it leaves raw and qcow2 open, as ".img" does."""

    format: Format | None
    packing: Packing
    stem: str
    """The name without those endings."""


def declared(filename: str) -> Declared:
    """Read the endings of a name. Raises Problem("image-name") when they say nothing known."""
    stem, packing = _cut(filename, {f".{each}": each for each in Packing if each})
    endings: dict[str, Format | None] = {f".{each}": each for each in Format}
    endings |= {".img": None, ".bin": None, ".qcow": Format.QCOW2, ".dd": Format.RAW}
    for ending, format in endings.items():
        if stem.lower().endswith(ending) and len(stem) > len(ending):
            return Declared(format, packing or Packing.NONE, stem[: -len(ending)])
    raise Problem("image-name", name=filename[:100])


def _cut(name: str, endings: dict[str, Packing]) -> tuple[str, Packing | None]:
    for ending, packing in endings.items():
        if name.lower().endswith(ending):
            return name[: -len(ending)], packing
    return name, None


def sniff(head: bytes) -> Format | Packing:
    """Say what a file is that begins with `head`; whatever is not known is raw."""
    for kind, is_it in _SIGNS.items():
        if is_it(head):
            return kind
    return Format.RAW


def _is_vmdk(head: bytes) -> bool:
    return head[:4] in (b"KDMV", b"COWD") or b"# Disk DescriptorFile" in head[:512]


_SIGNS: dict[Format | Packing, Callable[[bytes], bool]] = {
    Format.QCOW2: lambda head: head[:4] == b"QFI\xfb",
    Format.VMDK: _is_vmdk,
    Format.VDI: lambda head: head[0x40:0x44] == b"\x7f\x10\xda\xbe",
    Format.VHDX: lambda head: head[:8] == b"vhdxfile",
    Packing.GZ: lambda head: head[:2] == b"\x1f\x8b",
    Packing.XZ: lambda head: head[:6] == b"\xfd7zXZ\x00",
    Packing.ZST: lambda head: head[:4] == b"\x28\xb5\x2f\xfd",
    Format.ISO: lambda head: head[32769:32774] == b"CD001",
    Format.OVA: lambda head: head[257:262] == b"ustar",
}


def require(expected: Format | None, head: bytes) -> Format:
    """Return what the file is. Raises Problem when that is not what its name says."""
    if not head:
        raise Problem("image-empty")
    found = sniff(head)
    if isinstance(found, Packing):
        raise Problem("image-not-as-named", found=str(found), name=str(expected or "img"))
    allowed = {expected} if expected else {Format.RAW, Format.QCOW2, Format.ISO}
    if found not in allowed:
        raise Problem("image-not-as-named", found=str(found), name=str(expected or "img"))
    return found


def require_packing(expected: Packing, head: bytes) -> None:
    """Refuse a file that is not packed as its name says. Raises Problem."""
    found = sniff(head) if head else ""
    if found != expected:
        raise Problem("image-not-as-named", found=str(found), name=str(expected))
