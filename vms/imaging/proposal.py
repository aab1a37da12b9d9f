"""What a guest for a system should be made of, from what the osinfo database says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vms.imaging import osinfo

MIB = 1 << 20
GIB = 1 << 30
DEFAULT_MEMORY_MIB = 2048
LEAST_MEMORY_MIB = 64
DEFAULT_DISK_BYTES = 20 * GIB
_PCI = "http://pcisig.com/pci/"
_VIRTIO_DISK = ("1af4/1001", "1af4/1042")
_VIRTIO_NIC = ("1af4/1000", "1af4/1041")
_VIRTIO_VIDEO = ("1af4/1050",)
_OLD_FAMILIES = frozenset({"msdos", "win16", "win9x"})
_FIRST_WITH_AHCI = 6
"""Windows Vista; what is older boots from IDE alone."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Defaults for a guest. The models are those of libvirt: virtio, sata, e1000e, vga ...

    A disk on IDE needs the board "pc".
    """

    os_id: str
    os_name: str
    memory_mib: int
    vcpus: int
    disk_bytes: int
    disk_bus: str
    nic_model: str
    video_model: str
    needs_uefi: bool
    needs_tpm: bool


def for_os(os_id: str) -> Proposal:
    """Propose a guest for a system; for an unknown one what nearly every Linux takes."""
    os = osinfo.by_id(os_id)
    if os is None:
        return _plain()
    line = list(osinfo.inherited(os))
    is_windows = os.family == "winnt" or os.family in _OLD_FAMILIES
    is_old = _is_old(os)
    devices = frozenset().union(*(each.devices for each in line))
    is_modern = not is_windows and (not devices or _has(devices, _VIRTIO_DISK))
    return Proposal(
        os_id=os.id,
        os_name=os.name,
        memory_mib=_memory(line),
        vcpus=max(1, min(_first(each.cpus for each in line), 4)),
        disk_bytes=_first(each.disk_bytes for each in line) or DEFAULT_DISK_BYTES,
        disk_bus="virtio" if is_modern else "ide" if is_old else "sata",
        nic_model=_nic(is_modern and _takes(devices, _VIRTIO_NIC), is_old),
        video_model="virtio" if is_modern and _has(devices, _VIRTIO_VIDEO) else "vga",
        needs_uefi=os.id.startswith("win11"),
        needs_tpm=os.id.startswith("win11"),
    )


def _is_old(os: osinfo.Os) -> bool:
    major = os.version.partition(".")[0]
    is_early = os.family == "winnt" and major.isdigit() and int(major) < _FIRST_WITH_AHCI
    return is_early or os.family in _OLD_FAMILIES


def _nic(is_virtio: bool, is_old: bool) -> str:
    if is_virtio:
        return "virtio"
    return "rtl8139" if is_old else "e1000e"


def _memory(line: Iterable[osinfo.Os]) -> int:
    found = _first(each.memory_bytes for each in line) // MIB
    return max(found, LEAST_MEMORY_MIB) if found else DEFAULT_MEMORY_MIB


def _plain() -> Proposal:
    return Proposal(
        os_id="",
        os_name="",
        memory_mib=DEFAULT_MEMORY_MIB,
        vcpus=1,
        disk_bytes=DEFAULT_DISK_BYTES,
        disk_bus="virtio",
        nic_model="virtio",
        video_model="virtio",
        needs_uefi=False,
        needs_tpm=False,
    )


def _has(devices: frozenset[str], ids: Iterable[str]) -> bool:
    return any(f"{_PCI}{each}" in devices for each in ids)


def _takes(devices: frozenset[str], ids: Iterable[str]) -> bool:
    """Nothing said about devices at all counts as yes."""
    return not devices or _has(devices, ids)


def _first(values: Iterable[int]) -> int:
    return next((value for value in values if value), 0)
