"""Domain XML read defensively: whatever is missing is empty, and nothing raises."""

from __future__ import annotations

from lxml import etree

from ..errors import InvalidConfig
from ..types import Disk, Domain, Nic, Serial, VmMetadata
from .tree import METADATA_TAG, NAMESPACE, attribute, number, read, size_bytes, text_of

AGENT_CHANNEL = "org.qemu.guest_agent.0"
DISK_SOURCES = ("file", "dev", "dir", "name")
NIC_SOURCES = ("network", "bridge", "dev", "path", "name")
DEEPEST_CHAIN = 50


def parse_domain(xml: str) -> Domain:
    """Return what `xml` says of a domain; `is_readable` is False when it is no domain at all."""
    try:
        root = read(xml)
    except InvalidConfig:
        return Domain(is_readable=False)
    if root.tag != "domain":
        return Domain(is_readable=False)
    return Domain(
        name=text_of(root, "name"),
        title=text_of(root, "title"),
        description=text_of(root, "description"),
        vcpus=_vcpus(root),
        memory_mib=_memory_mib(root),
        arch=attribute(root, "os/type", "arch"),
        machine=attribute(root, "os/type", "machine"),
        type=root.get("type") or "",
        firmware=_firmware(root),
        disks=tuple(_disk(element) for element in root.iterfind("devices/disk")),
        nics=tuple(_nic(element) for element in root.iterfind("devices/interface")),
        graphics=tuple(g.get("type") or "" for g in root.iterfind("devices/graphics")),
        serial_count=sum(1 for _ in root.iterfind("devices/serial")),
        has_guest_agent=any(
            target.get("name") == AGENT_CHANNEL
            for target in root.iterfind("devices/channel/target")
        ),
        os_boot=tuple(dev for b in root.iterfind("os/boot") if (dev := b.get("dev"))),
        metadata=_metadata(root),
    )


def parse_metadata(xml: str) -> VmMetadata | None:
    """Return our part of a domain's metadata, or None where there is none."""
    return parse_domain(xml).metadata


def parse_serials(xml: str) -> tuple[Serial, ...]:
    """Return the serial devices of a domain in their order; none where the XML is unreadable."""
    try:
        root = read(xml)
    except InvalidConfig:
        return ()
    return tuple(
        Serial(kind=each.get("type") or "", alias=attribute(each, "alias", "name"))
        for each in root.iterfind("devices/serial")
    )


def has_clipboard_channel(xml: str) -> bool:
    """Say whether a domain has a channel by which QEMU shares the clipboard of a VNC client."""
    try:
        root = read(xml)
    except InvalidConfig:
        return False
    return root.find("devices/channel[@type='qemu-vdagent']") is not None


def _vcpus(root: etree._Element) -> int:
    return number(attribute(root, "vcpu", "current")) or number(root.findtext("vcpu"))


def _memory_mib(root: etree._Element) -> int:
    current = root.find("currentMemory")
    element = current if current is not None else root.find("memory")
    return size_bytes(element, "KiB") // 2**20


def _firmware(root: etree._Element) -> str:
    """Return efi or bios; "" where the XML says nothing of an operating system."""
    os = root.find("os")
    if os is None:
        return ""
    if os.get("firmware"):
        return os.get("firmware") or ""
    return "efi" if attribute(os, "loader", "type") == "pflash" else "bios"


def _disk(element: etree._Element) -> Disk:
    source = element.find("source")
    return Disk(
        target=attribute(element, "target", "dev"),
        device=element.get("device") or "disk",
        bus=attribute(element, "target", "bus"),
        source=_first(source, DISK_SOURCES),
        source_pool="" if source is None else source.get("pool") or "",
        source_volume="" if source is None else source.get("volume") or "",
        format=attribute(element, "driver", "type"),
        is_readonly=element.find("readonly") is not None,
        boot_order=_boot_order(element),
        backing=_backing(element),
        is_mirror_ready=attribute(element, "mirror", "ready") == "yes",
    )


def _backing(element: etree._Element) -> tuple[str, ...]:
    """Return the paths below a disk, nearest first."""
    paths: list[str] = []
    layer = element.find("backingStore")
    while layer is not None and len(paths) < DEEPEST_CHAIN:
        path = _first(layer.find("source"), DISK_SOURCES)
        if path:
            paths.append(path)
        layer = layer.find("backingStore")
    return tuple(paths)


def _nic(element: etree._Element) -> Nic:
    return Nic(
        mac=attribute(element, "mac", "address").lower(),
        kind=element.get("type") or "",
        source=_first(element.find("source"), NIC_SOURCES),
        model=attribute(element, "model", "type"),
        target=attribute(element, "target", "dev"),
        boot_order=_boot_order(element),
    )


def _boot_order(element: etree._Element) -> int | None:
    return number(attribute(element, "boot", "order")) or None


def _first(source: etree._Element | None, names: tuple[str, ...]) -> str:
    """Return the first of the attributes that `source` has, or ""."""
    if source is None:
        return ""
    return next((value for name in names if (value := source.get(name))), "")


def _metadata(root: etree._Element) -> VmMetadata | None:
    element = root.find(f"metadata/{{{NAMESPACE}}}{METADATA_TAG}")
    if element is None:
        return None
    return VmMetadata(
        name=element.get("name") or "",
        owner=element.get("owner") or "",
        template=element.get("template") or "",
        installation=element.get("installation") or "",
        tags=tuple(filter(None, (element.get("tags") or "").split(","))),
        lease=element.get("lease") or "",
    )
