"""Edits of a definition in place: what we do not know, comments too, stays as it was."""

from __future__ import annotations

from lxml import etree

from ..errors import InvalidConfig, Unsupported
from ..types import ConfigChange, DiskSpec, VolumeInfo
from .build import TARGET_PREFIXES, add_disk, letters
from .tree import add, attribute, number, put, read, remove, set_text, size_bytes, write


def apply(xml: str, change: ConfigChange) -> str:
    """Return `xml` with `change` made. Raises InvalidConfig, Unsupported (memory in several cells).

    A new `name` is written, too; a defined domain must be renamed by libvirt instead.
    """
    root = read(xml)
    if change.name is not None:
        set_text(root, "name", change.name)
    if change.vcpus is not None:
        _set_vcpus(root, change.vcpus)
    if change.memory_mib is not None:
        _set_memory(root, change.memory_mib)
    if change.boot is not None:
        _set_boot(root, change.boot)
    return write(root)


def with_media(xml: str, path: str) -> str:
    """Return `xml` with the medium at `path` in the first CD-ROM drive, "" for none.

    A SATA drive is added where there is none.
    """
    root = read(xml)
    drive = find_cdrom(root)
    if drive is None:
        if not path:
            return xml
        drive = _add_drive(root)
    _set_medium(drive, path)
    return write(root)


def drive_with_media(xml: str, path: str) -> str | None:
    """Return the first CD-ROM drive of `xml` alone, with that medium; None without a drive."""
    drive = find_cdrom(read(xml))
    if drive is None:
        return None
    _set_medium(drive, path)
    drive.tail = None
    return write(drive)


def with_disk(xml: str, disk: DiskSpec) -> str:
    """Return `xml` with one more disk, under the next free name of its bus."""
    root = read(xml)
    devices = root.find("devices")
    if devices is None:
        devices = add(root, "devices")
    add_disk(devices, disk, _free_target(devices, TARGET_PREFIXES.get(disk.bus, "sd")), None)
    return write(root)


def without_disk(xml: str, path: str) -> str:
    """Return `xml` without the disk whose file or device is `path`."""
    root = read(xml)
    for disk in root.findall("devices/disk"):
        source = disk.find("source")
        if source is not None and path in (source.get("file"), source.get("dev")):
            remove(disk)
    return write(root)


def _free_target(devices: etree._Element, prefix: str) -> str:
    used = {attribute(disk, "target", "dev") for disk in devices.iterfind("disk")}
    return next(name for i in range(1000) if (name := prefix + letters(i)) not in used)


def with_disk_source(xml: str, *, old: VolumeInfo, path: str, format: str) -> str:
    """Return `xml` with every disk whose source was the volume `old` at `path`, of that format."""
    root = read(xml)
    for disk in root.iterfind("devices/disk"):
        source = disk.find("source")
        if source is None or not _is_volume(source, old):
            continue
        for stale in disk.findall("backingStore"):
            remove(stale)
        for key in ("file", "dev", "pool", "volume"):
            source.attrib.pop(key, None)
        _set_place(disk, source, path)
        driver = disk.find("driver")
        if driver is not None:
            put(driver, "type", format)
    return write(root)


def _is_volume(source: etree._Element, volume: VolumeInfo) -> bool:
    place = (source.get("pool"), source.get("volume"))
    has_path = volume.path in (source.get("file"), source.get("dev"))
    return has_path or place == (volume.pool, volume.name)


def disk_xml(path: str, format: str) -> str:
    """Return the disk that a copy is made into."""
    disk = etree.Element("disk")
    add(disk, "driver", name="qemu", type=format)
    _set_place(disk, add(disk, "source"), path)
    return write(disk)


def _set_place(disk: etree._Element, source: etree._Element, path: str) -> None:
    is_device = path.startswith("/dev/")
    disk.set("type", "block" if is_device else "file")
    put(source, "dev" if is_device else "file", path)


def find_cdrom(root: etree._Element) -> etree._Element | None:
    """Return the first CD-ROM drive, or None."""
    return root.find("devices/disk[@device='cdrom']")


def _set_vcpus(root: etree._Element, vcpus: int) -> None:
    element = set_text(root, "vcpu", vcpus)
    element.attrib.pop("current", None)
    for stale in root.findall("vcpus"):
        remove(stale)
    topology = root.find("cpu/topology")
    if topology is not None and _threads(topology) != vcpus:
        remove(topology)
    tuning = root.find("cputune")
    for pin in [] if tuning is None else tuning.findall("vcpupin"):
        if number(pin.get("vcpu")) >= vcpus:
            remove(pin)


def _threads(topology: etree._Element) -> int:
    """Return how many vCPUs a `<topology>` makes."""
    total = 1
    for key in ("sockets", "dies", "clusters", "cores", "threads"):
        total *= number(topology.get(key, "1"))
    return total


def _set_memory(root: etree._Element, memory_mib: int) -> None:
    cells = root.findall("cpu/numa/cell")
    if len(cells) > 1:
        raise Unsupported(what="numa-memory")
    for cell in cells:  # libvirt derives the memory from the cells and ignores <memory>
        cell.set("memory", str(memory_mib))
        cell.set("unit", "MiB")
    for tag in ("memory", "currentMemory"):
        set_text(root, tag, memory_mib).set("unit", "MiB")
    most = root.find("maxMemory")
    if most is not None and size_bytes(most, "KiB") < memory_mib * 2**20:
        most.text = str(memory_mib)
        most.set("unit", "MiB")


def _set_boot(root: etree._Element, names: tuple[str, ...]) -> None:
    """Give the devices named their place, and no other device any."""
    for boot in [*root.findall("os/boot"), *root.findall("devices/*/boot")]:
        remove(boot)
    for order, name in enumerate(names, start=1):
        device = _find_device(root, name)
        if device is None:
            raise InvalidConfig(detail=name)
        add(device, "boot", order=order)


def _find_device(root: etree._Element, name: str) -> etree._Element | None:
    for disk in root.iterfind("devices/disk"):
        if attribute(disk, "target", "dev") == name:
            return disk
    for nic in root.iterfind("devices/interface"):
        if attribute(nic, "mac", "address").lower() == name.lower():
            return nic
    return None


def _set_medium(drive: etree._Element, path: str) -> None:
    for part in [*drive.findall("source"), *drive.findall("backingStore")]:
        remove(part)
    drive.set("type", "file")
    if not path:
        return
    source = etree.Element("source")
    _set_place(drive, source, path)
    target = drive.find("target")
    if target is None:
        drive.append(source)
    else:
        target.addprevious(source)


def _add_drive(root: etree._Element) -> etree._Element:
    devices = root.find("devices")
    if devices is None:
        devices = add(root, "devices")
    name = _free_target(devices, "sd")
    drive = add(devices, "disk", type="file", device="cdrom")
    add(drive, "driver", name="qemu", type="raw")
    add(drive, "target", dev=name, bus="sata")
    add(drive, "readonly")
    return drive
