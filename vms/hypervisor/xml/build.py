"""The XML of what kvmweb makes: guests, volumes and pools.

A new guest has every device that could not be added later without a restart.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from ..hardware import CpuMode, Discard, Firmware, Hardware
from ..storage_types import PoolKind, PoolSpec
from ..types import Accelerator, DiskSpec, NicSpec, VmMetadata, VmSpec
from .parse import AGENT_CHANNEL
from .tree import METADATA_TAG, NAMESPACE, PREFIX, add, put, write, write_pretty

SPARE_PCI_PORTS = 8
"""Free ones: without any, nothing can be plugged in while the guest runs."""
BALLOON_PERIOD_S = 5
TARGET_PREFIXES = {
    "virtio": "vd",
    "sata": "sd",
    "scsi": "sd",
    "usb": "sd",
    "ide": "hd",
    "fdc": "fd",
}
X86 = frozenset({"x86_64", "i686"})
PCIE_MACHINES = ("q35", "virt")
CONVENTIONAL_NICS = frozenset({"e1000", "rtl8139"})
"""Cards of the old bus: libvirt puts them behind a bridge that takes one port for all of them."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What the host can give a new guest, beside what was asked for."""

    machine: str = "q35"
    """"" leaves it to libvirt."""
    has_vdagent: bool = True
    """QEMU speaks to a clipboard agent, and can save and migrate a guest that has one."""


def platform_for(spec: VmSpec, *, has_vdagent: bool = True) -> Platform:
    """Return the platform that was asked for, or the usual one of the guest's architecture."""
    usual = {"x86_64": "q35", "i686": "q35", "aarch64": "virt"}.get(spec.arch, "")
    machine = spec.hardware.machine.value or usual
    if spec.accelerator is Accelerator.TEST:
        return Platform(machine="", has_vdagent=False)
    return Platform(machine=machine, has_vdagent=has_vdagent)


def domain_xml(spec: VmSpec, platform: Platform | None = None) -> str:
    """Return the definition of a new guest. Raises InvalidConfig for characters XML has not."""
    platform = platform or platform_for(spec)
    root = etree.Element("domain", type=spec.accelerator.value)
    add(root, "name", spec.name)
    add(root, "uuid", spec.uuid)
    if spec.description:
        add(root, "description", spec.description)
    add(root, "metadata").append(_metadata_element(spec.metadata))
    add(root, "memory", spec.memory_mib, unit="MiB")
    add(root, "currentMemory", spec.memory_mib, unit="MiB")
    add(root, "vcpu", spec.vcpus)
    _add_system(root, spec, platform)
    _add_timing(root, spec)
    _add_devices(add(root, "devices"), spec, platform)
    return write_pretty(root)


def _add_devices(devices: etree._Element, spec: VmSpec, platform: Platform) -> None:
    hardware = spec.hardware
    _add_disks(devices, spec, platform)
    for nic in spec.nics:
        _add_nic(devices, nic)
    if spec.accelerator is not Accelerator.TEST:
        _add_controllers(devices, spec, platform)
    _add_channels(devices, hardware, platform)
    if hardware.has_screen:
        _add_screen(devices, hardware)
    if hardware.has_tpm:
        tpm = add(devices, "tpm", model="tpm-crb" if spec.arch in X86 else "tpm-tis")
        add(tpm, "backend", type="emulator", version="2.0")
    balloon = add(devices, "memballoon", model="virtio")
    add(balloon, "stats", period=BALLOON_PERIOD_S)
    if hardware.has_rng:
        rng = add(devices, "rng", model="virtio")
        add(rng, "backend", "/dev/urandom", model="random")


def metadata_xml(metadata: VmMetadata) -> str:
    """Return our metadata element without namespace: libvirt puts that in itself."""
    element = etree.Element(METADATA_TAG)
    _fill_metadata(element, metadata)
    return write(element)


def volume_xml(
    *,
    name: str,
    format: str,
    capacity_bytes: int,
    allocation_bytes: int = 0,
    backing_path: str = "",
    backing_format: str = "",
) -> str:
    """Return the definition of a volume, sparse unless `allocation_bytes` says otherwise.

    It is an overlay when it has a backing path.
    """
    root = etree.Element("volume")
    add(root, "name", name)
    # Without this libvirt takes the capacity and writes a raw file full of zeros.
    add(root, "allocation", allocation_bytes, unit="bytes")
    add(root, "capacity", capacity_bytes, unit="bytes")
    target = add(root, "target")
    add(target, "format", type=format)
    if format == "qcow2":
        add(target, "compat", "1.1")
    if backing_path:
        backing = add(root, "backingStore")
        add(backing, "path", backing_path)
        add(backing, "format", type=backing_format)
    return write_pretty(root)


def pool_xml(*, name: str, path: str) -> str:
    """Return the definition of a directory pool."""
    return pool_spec_xml(PoolSpec(name=name, kind=PoolKind.DIR, path=path))


def pool_spec_xml(spec: PoolSpec) -> str:
    """Return the definition of a pool of one of the kinds that we have a form for."""
    root = etree.Element("pool", type=spec.kind.value)
    add(root, "name", spec.name)
    if spec.kind is not PoolKind.DIR:
        _add_source(add(root, "source"), spec)
    path = f"/dev/{spec.group}" if spec.kind is PoolKind.LOGICAL else spec.path
    add(add(root, "target"), "path", path)
    return write_pretty(root)


def _add_source(source: etree._Element, spec: PoolSpec) -> None:
    if spec.kind is PoolKind.NETFS:
        add(source, "host", name=spec.server)
        add(source, "dir", path=spec.export)
        add(source, "format", type="nfs")
        return
    if spec.device:
        add(source, "device", path=spec.device)
    if spec.kind is PoolKind.LOGICAL:
        add(source, "name", spec.group)
        add(source, "format", type="lvm2")
    else:
        add(source, "format", type="ext4" if spec.is_formatted else "auto")


def _metadata_element(metadata: VmMetadata) -> etree._Element:
    element = etree.Element(f"{{{NAMESPACE}}}{METADATA_TAG}", nsmap={PREFIX: NAMESPACE})
    _fill_metadata(element, metadata)
    return element


def _fill_metadata(element: etree._Element, metadata: VmMetadata) -> None:
    put(element, "name", metadata.name)
    put(element, "owner", metadata.owner)
    put(element, "template", metadata.template)
    put(element, "installation", metadata.installation)
    if metadata.tags:
        put(element, "tags", ",".join(metadata.tags))
    if metadata.lease:
        put(element, "lease", metadata.lease)


def _add_system(root: etree._Element, spec: VmSpec, platform: Platform) -> None:
    os = add(root, "os")
    kind = add(os, "type", "hvm", arch=spec.arch)
    if platform.machine:
        kind.set("machine", platform.machine)
    _add_firmware(os, spec)
    features = add(root, "features")
    add(features, "acpi")
    if spec.arch in X86:
        add(features, "apic")
    if spec.hardware.firmware is Firmware.SECURE_BOOT:  # it keeps its variables from the guest
        add(features, "smm", state="on")
    if spec.accelerator is not Accelerator.TEST:
        _add_cpu(root, spec)


def _add_firmware(os: etree._Element, spec: VmSpec) -> None:
    """Say what the firmware must be able to do; libvirt finds the files on the host."""
    if spec.arch == "aarch64":
        os.set("firmware", "efi")  # the virt machine has no other
    if spec.hardware.firmware is Firmware.BIOS:
        return
    os.set("firmware", "efi")
    is_secure = spec.hardware.firmware is Firmware.SECURE_BOOT
    firmware = add(os, "firmware")
    if is_secure:
        add(firmware, "feature", enabled="yes", name="enrolled-keys")
        add(os, "loader", secure="yes")
    add(firmware, "feature", enabled="yes" if is_secure else "no", name="secure-boot")


def _add_cpu(root: etree._Element, spec: VmSpec) -> None:
    mode, is_kvm = spec.hardware.cpu_mode, spec.accelerator is Accelerator.KVM
    if mode is CpuMode.NAMED:
        cpu = add(root, "cpu", mode="custom", match="exact", check="none")
        add(cpu, "model", spec.hardware.cpu_model, fallback="forbid")
    elif mode is CpuMode.HOST_MODEL:
        cpu = add(root, "cpu", mode="host-model", check="none" if not is_kvm else "partial")
    else:  # emulation has no processor of a host to pass through
        cpu = add(root, "cpu", mode="host-passthrough" if is_kvm else "maximum")
    if topology := spec.hardware.topology:
        add(
            cpu,
            "topology",
            sockets=topology.sockets,
            cores=topology.cores,
            threads=topology.threads,
        )


def _add_timing(root: etree._Element, spec: VmSpec) -> None:
    clock = add(root, "clock", offset="utc")
    if spec.arch in X86 and spec.accelerator is not Accelerator.TEST:
        add(clock, "timer", name="rtc", tickpolicy="catchup")
        add(clock, "timer", name="pit", tickpolicy="delay")
        add(clock, "timer", name="hpet", present="no")
    add(root, "on_poweroff", "destroy")
    add(root, "on_reboot", "restart")
    add(root, "on_crash", "destroy")
    if spec.arch in X86 and spec.accelerator is not Accelerator.TEST:
        power = add(root, "pm")
        add(power, "suspend-to-mem", enabled="no")
        add(power, "suspend-to-disk", enabled="no")


def _add_disks(devices: etree._Element, spec: VmSpec, platform: Platform) -> None:
    """Add the disks, the CD-ROM drive and then other CDs: the first drive is the one for people.

    Without a given order the guest boots from its first disk, its interfaces that have an order,
    then the drive.
    """
    names = _TargetNames()
    disks = [disk for disk in spec.disks if disk.device != "cdrom"]
    has_order = any(disk.boot_order for disk in disks)
    for index, disk in enumerate(disks):
        default = 1 if index == 0 and not has_order else None
        add_disk(devices, disk, names.next(disk.bus), disk.boot_order or default)
    bus = _drive_bus(spec, platform)
    drive = DiskSpec(path=spec.cdrom_path, format="raw", device="cdrom", bus=bus)
    taken = [disk.boot_order or 0 for disk in disks] + [nic.boot_order or 0 for nic in spec.nics]
    add_disk(devices, drive, names.next(bus), max([*taken, 1 if disks else 0]) + 1)
    for disk in spec.disks:
        if disk.device == "cdrom":
            add_disk(devices, disk, names.next(disk.bus), None)


def _drive_bus(spec: VmSpec, platform: Platform) -> str:
    if spec.arch not in X86:
        return "scsi"
    return "ide" if platform.machine == "pc" else "sata"


class _TargetNames:
    """Give out vda, vdb ... sda, sdb ..., one series per prefix."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def next(self, bus: str) -> str:
        prefix = TARGET_PREFIXES.get(bus, "sd")
        index = self._used.get(prefix, 0)
        self._used[prefix] = index + 1
        return prefix + letters(index)


def letters(index: int) -> str:
    """Return the disk letters for a number counted from 0: a ... z, aa, ab ..."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("a") + rest) + name
    return name


def add_disk(devices: etree._Element, disk: DiskSpec, target: str, boot_order: int | None) -> None:
    """Append a disk, called `target` in the guest."""
    is_block = disk.path.startswith("/dev/")
    element = add(devices, "disk", type="block" if is_block else "file", device=disk.device)
    driver = add(element, "driver", name="qemu", type=disk.format)
    if disk.cache:
        driver.set("cache", disk.cache.value)
    if disk.device == "disk" and not disk.is_readonly and disk.discard is Discard.UNMAP:
        driver.set("discard", "unmap")
    if disk.path:
        source = add(element, "source")
        put(source, "dev" if is_block else "file", disk.path)
    add(element, "target", dev=target, bus=disk.bus)
    if disk.is_readonly or disk.device == "cdrom":
        add(element, "readonly")
    if disk.serial:
        add(element, "serial", disk.serial)
    if boot_order:
        add(element, "boot", order=boot_order)


def _add_nic(devices: etree._Element, nic: NicSpec) -> None:
    element = add(devices, "interface", type="network")
    if nic.mac:
        add(element, "mac", address=nic.mac)
    add(element, "source", network=nic.network)
    add(element, "model", type=nic.model)
    if nic.boot_order:
        add(element, "boot", order=nic.boot_order)


def _add_controllers(devices: etree._Element, spec: VmSpec, platform: Platform) -> None:
    add(devices, "controller", type="usb", model="qemu-xhci")
    has_scsi = spec.arch not in X86 or any(disk.bus == "scsi" for disk in spec.disks)
    if has_scsi:
        add(devices, "controller", type="scsi", model="virtio-scsi")
    if platform.machine not in PCIE_MACHINES:
        return
    add(devices, "controller", type="pci", model="pcie-root")
    for _ in range(_used_ports(spec, platform) + has_scsi + SPARE_PCI_PORTS):
        add(devices, "controller", type="pci", model="pcie-root-port")


def _used_ports(spec: VmSpec, platform: Platform) -> int:
    """Count the ports that the devices of the guest take; there are as many, and spare ones."""
    hardware, models = spec.hardware, [nic.model for nic in spec.nics]
    return (
        2  # USB and balloon
        + (hardware.has_agent or (platform.has_vdagent and hardware.has_screen))
        + hardware.has_rng
        + 2 * hardware.has_screen  # virtio tablet and keyboard
        + sum(1 for disk in spec.disks if disk.bus == "virtio")
        + sum(1 for model in models if model not in CONVENTIONAL_NICS)
        + (not CONVENTIONAL_NICS.isdisjoint(models))
    )


def _add_channels(devices: etree._Element, hardware: Hardware, platform: Platform) -> None:
    if hardware.has_serial:
        add(devices, "serial", type="pty")
        console = add(devices, "console", type="pty")
        add(console, "target", type="serial")
    if hardware.has_agent:
        agent = add(devices, "channel", type="unix")
        add(agent, "target", type="virtio", name=AGENT_CHANNEL)
    if platform.has_vdagent and hardware.has_screen:
        clipboard = add(devices, "channel", type="qemu-vdagent")
        source = add(clipboard, "source")
        add(source, "clipboard", copypaste="yes")
        add(source, "mouse", mode="server")  # the tablet stays the pointer
        add(clipboard, "target", type="virtio", name="com.redhat.spice.0")


def _add_screen(devices: etree._Element, hardware: Hardware) -> None:
    """Add the display and its inputs, over USB and virtio: each kernel lacks one of the two."""
    add(devices, "input", type="tablet", bus="usb")
    add(devices, "input", type="tablet", bus="virtio")
    add(devices, "input", type="keyboard", bus="virtio")
    # No listener: the display is reached through libvirt only. A client that asks for exclusive
    # use must not throw out the others.
    graphics = add(devices, "graphics", type="vnc", sharePolicy="ignore")
    add(graphics, "listen", type="none")
    video = add(devices, "video")
    add(video, "model", type=hardware.video.value, heads=1, primary="yes")
