"""Decide what an image is and whether it can be trusted with QEMU: headers first, then qemu-img."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vms.hypervisor import images
from vms.hypervisor.errors import OperationFailed
from vms.imaging import headers, iso, osinfo
from vms.imaging.formats import HEAD_BYTES, Format, require
from vms.imaging.iso import IsoFacts
from vms.problems import Problem

_CHECKED = frozenset({Format.QCOW2, Format.VMDK, Format.VDI, Format.VHDX})


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an image is. `iso` and `found` are None for a disk, `found` also for an unknown CD."""

    format: Format
    virtual_bytes: int
    iso: IsoFacts | None = None
    found: osinfo.Found | None = None


def inspect(path: Path, expected: Format | None) -> Inspection:
    """Look at an unpacked image that should be of a format (None: raw, qcow2 or ISO).

    Raises Problem with the reason when it is something else, refers to other files, is cut short,
    damaged, encrypted or claims an absurd size.
    """
    with path.open("rb") as source:
        format = require(expected, source.read(HEAD_BYTES))
    if format is Format.ISO:
        facts = iso.read(path)
        return Inspection(format, path.stat().st_size, facts, osinfo.identify(facts))
    if format is Format.RAW:
        return Inspection(format, path.stat().st_size)
    headers.check(path, format)
    try:
        info = images.qemu_img_info(path, format=format.value)
    except OperationFailed as error:
        raise Problem("image-damaged", detail=str(error.params["detail"])) from error
    if info.backing_path:
        raise Problem("image-has-backing")
    if info.has_data_file:
        raise Problem("image-has-data-file")
    headers.require_size(info.virtual_size_bytes)
    _require_whole(path, format)
    return Inspection(format, info.virtual_size_bytes)


def _require_whole(path: Path, format: Format) -> None:
    if format not in _CHECKED:
        return
    try:
        images.check(path, format=format.value)
    except OperationFailed as error:
        raise Problem("image-truncated") from error
