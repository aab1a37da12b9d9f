"""The choices of hardware as people read them."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from vms.hypervisor.blueprint import DiskOrigin, SourceKind
from vms.hypervisor.hardware import (
    CpuMode,
    Discard,
    DiskBus,
    DiskCache,
    DiskFormat,
    Firmware,
    Machine,
    NicModel,
    VideoModel,
)

Text = str | Promise

SOURCES: dict[SourceKind, Text] = {
    SourceKind.IMAGE: lazy("Disk image (cloud image, existing disk)"),
    SourceKind.ISO: lazy("Installer on a CD (ISO)"),
    SourceKind.NETWORK: lazy("Network boot (PXE)"),
}
MACHINES: dict[Machine, Text] = {
    Machine.DEFAULT: lazy("Usual one of the host"),
    Machine.Q35: lazy("q35 (PCI Express)"),
    Machine.PC: lazy("pc (i440FX, for old systems)"),
}
CPU_MODES: dict[CpuMode, Text] = {
    CpuMode.FASTEST: lazy("Fastest of the host"),
    CpuMode.HOST_PASSTHROUGH: lazy("Host's own (host-passthrough)"),
    CpuMode.HOST_MODEL: lazy("Like the host's (host-model)"),
    CpuMode.NAMED: lazy("By name"),
}
FIRMWARES: dict[Firmware, Text] = {
    Firmware.BIOS: lazy("BIOS"),
    Firmware.UEFI: lazy("UEFI"),
    Firmware.SECURE_BOOT: lazy("UEFI with secure boot"),
}
ORIGINS: dict[DiskOrigin, Text] = {
    DiskOrigin.BLANK: lazy("blank"),
    DiskOrigin.LINKED: lazy("linked"),
    DiskOrigin.COPY: lazy("full copy"),
}
BUSES: dict[DiskBus, Text] = {
    DiskBus.VIRTIO: lazy("virtio"),
    DiskBus.SCSI: lazy("SCSI (virtio-scsi)"),
    DiskBus.SATA: lazy("SATA"),
    DiskBus.IDE: lazy("IDE"),
    DiskBus.USB: lazy("USB"),
}
CACHES: dict[DiskCache, Text] = {
    DiskCache.DEFAULT: lazy("QEMU's usual"),
    DiskCache.NONE: lazy("none"),
    DiskCache.WRITEBACK: lazy("write back"),
    DiskCache.WRITETHROUGH: lazy("write through"),
    DiskCache.DIRECTSYNC: lazy("direct, synchronous"),
    DiskCache.UNSAFE: lazy("unsafe (loses data when the host fails)"),
}
DISCARDS: dict[Discard, Text] = {
    Discard.UNMAP: lazy("goes back to the pool"),
    Discard.IGNORE: lazy("stays taken"),
}
FORMATS: dict[DiskFormat, Text] = {
    DiskFormat.QCOW2: lazy("qcow2"),
    DiskFormat.RAW: lazy("raw"),
}
NIC_MODELS: dict[NicModel, Text] = {
    NicModel.VIRTIO: lazy("virtio"),
    NicModel.E1000E: lazy("e1000e (Intel)"),
    NicModel.E1000: lazy("e1000 (Intel, old)"),
    NicModel.RTL8139: lazy("rtl8139 (Realtek, old)"),
}
VIDEOS: dict[VideoModel, Text] = {
    VideoModel.VIRTIO: lazy("virtio"),
    VideoModel.VGA: lazy("VGA"),
    VideoModel.QXL: lazy("QXL"),
    VideoModel.BOCHS: lazy("Bochs"),
    VideoModel.CIRRUS: lazy("Cirrus (old)"),
}
