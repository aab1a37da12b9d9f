"""What hardware a guest can be made of: the choices as enums, and what a host has of them.

Pure values. Whether a host can do what a template wants is judged in services/fitting.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Flag = Annotated[bool, Field(strict=True)]


class Machine(StrEnum):
    """The board. DEFAULT is the newest that the guest's architecture is usually given."""

    DEFAULT = ""
    Q35 = "q35"
    PC = "pc"


class CpuMode(StrEnum):
    """Which processor a guest sees.

    FASTEST is whatever the host gives most of: its own processor under KVM, every feature that
    emulation knows without it. A template with it works on both.
    """

    FASTEST = "fastest"
    HOST_PASSTHROUGH = "host-passthrough"
    HOST_MODEL = "host-model"
    NAMED = "named"


class Firmware(StrEnum):
    """What starts the guest. libvirt finds the files of UEFI on the host by itself."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"


class DiskBus(StrEnum):
    """How a disk is attached."""

    VIRTIO = "virtio"
    SCSI = "scsi"
    SATA = "sata"
    IDE = "ide"
    USB = "usb"


class DiskCache(StrEnum):
    """How the host caches a disk. DEFAULT leaves it to QEMU."""

    DEFAULT = ""
    NONE = "none"
    WRITEBACK = "writeback"
    WRITETHROUGH = "writethrough"
    DIRECTSYNC = "directsync"
    UNSAFE = "unsafe"


class Discard(StrEnum):
    """What becomes of space that the guest gives back."""

    UNMAP = "unmap"
    IGNORE = "ignore"


class DiskFormat(StrEnum):
    """Format of a volume that is made for a guest."""

    QCOW2 = "qcow2"
    RAW = "raw"


class NicModel(StrEnum):
    """Which network card a guest sees."""

    VIRTIO = "virtio"
    E1000E = "e1000e"
    E1000 = "e1000"
    RTL8139 = "rtl8139"


class VideoModel(StrEnum):
    """Which graphics card a guest sees."""

    VIRTIO = "virtio"
    VGA = "vga"
    QXL = "qxl"
    BOCHS = "bochs"
    CIRRUS = "cirrus"


@dataclass(frozen=True, slots=True)
class Topology:
    """How the virtual processors are arranged; their product is the number of them."""

    sockets: Count = 1
    cores: Count = 1
    threads: Count = 1

    @property
    def vcpus(self) -> int:
        """How many processors that makes."""
        return self.sockets * self.cores * self.threads


@dataclass(frozen=True, slots=True)
class Hardware:
    """Everything of a guest but its size, disks and network."""

    machine: Machine = Machine.DEFAULT
    cpu_mode: CpuMode = CpuMode.FASTEST
    cpu_model: str = ""
    """Name of the model, for CpuMode.NAMED only."""
    topology: Topology | None = None
    """None: one socket for each processor, as libvirt arranges them."""
    firmware: Firmware = Firmware.BIOS
    has_tpm: Flag = False
    has_screen: Flag = True
    video: VideoModel = VideoModel.VIRTIO
    has_serial: Flag = True
    has_agent: Flag = True
    has_rng: Flag = True


@dataclass(frozen=True, slots=True)
class GuestOptions:
    """What guests on a host can be made of, from its domain capabilities.

    Where the driver cannot say, `is_known` is False and nothing else means anything.
    """

    is_known: bool = False
    machines: tuple[str, ...] = ()
    cpu_modes: tuple[str, ...] = ()
    """Values of CpuMode."""
    cpu_models: tuple[str, ...] = field(default=())
    """Names of the models that can be used, as libvirt orders them."""
    firmwares: tuple[str, ...] = ()
    """Values of Firmware."""
    disk_buses: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    has_vnc: bool = True
    has_tpm: bool = False
    """swtpm is installed."""
