"""The machine of a guest that exists, read from its XML as a template would hold it. Pure.

What a template has no word for is left out; what is missing is as usual.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from lxml import etree

from ..blueprint import Blueprint, CloudPlan, DiskPlan, NicPlan
from ..hardware import (
    CpuMode,
    Discard,
    DiskBus,
    DiskCache,
    Firmware,
    Hardware,
    Machine,
    NicModel,
    Topology,
    VideoModel,
)
from .parse import AGENT_CHANNEL, parse_domain
from .tree import attribute, number, read, text_of

E = TypeVar("E", bound=StrEnum)
_MODES = {"host-passthrough": CpuMode.HOST_PASSTHROUGH, "host-model": CpuMode.HOST_MODEL}


def machine_of(xml: str, disks: tuple[DiskPlan, ...]) -> Blueprint:
    """Return the blueprint of guests like that of `xml`, with these disks. Raises InvalidConfig."""
    root, seen = read(xml), parse_domain(xml)
    return Blueprint(
        vcpus=seen.vcpus or 1,
        memory_mib=seen.memory_mib,
        hardware=_hardware(root),
        disks=disks,
        nics=tuple(
            NicPlan(nic.source, _known(NicModel, nic.model, NicModel.VIRTIO))
            for nic in seen.nics
            if nic.kind == "network" and nic.source
        ),
        cloud=CloudPlan(is_read=False),
    )


def disk_like(xml: str, target: str, *, source_pool: str = "", source_volume: str = "") -> DiskPlan:
    """Return a plan of disks attached as `target` is; without a source, from the image."""
    plan = DiskPlan(source_pool=source_pool, source_volume=source_volume)
    root = read(xml)
    for disk in root.iterfind("devices/disk"):
        if attribute(disk, "target", "dev") != target:
            continue
        discard = attribute(disk, "driver", "discard")
        return replace(
            plan,
            bus=_known(DiskBus, attribute(disk, "target", "bus"), DiskBus.VIRTIO),
            cache=_known(DiskCache, attribute(disk, "driver", "cache"), DiskCache.DEFAULT),
            discard=Discard.UNMAP if discard == "unmap" else Discard.IGNORE,
        )
    return plan


def _known(kind: type[E], value: str, usual: E) -> E:
    try:
        return kind(value)
    except ValueError:
        return usual


def _hardware(root: etree._Element) -> Hardware:
    mode = attribute(root, "cpu", "mode") or ("" if root.find("cpu") is None else "custom")
    model = text_of(root, "cpu/model") if mode == "custom" else ""
    topology = root.find("cpu/topology")
    channels = root.iterfind("devices/channel/target")
    return Hardware(
        machine=_machine(attribute(root, "os/type", "machine")),
        cpu_mode=CpuMode.NAMED if model else _MODES.get(mode, CpuMode.FASTEST),
        cpu_model=model,
        topology=None if topology is None else _topology(topology),
        firmware=_firmware(root),
        has_tpm=root.find("devices/tpm") is not None,
        has_screen=root.find("devices/graphics") is not None,
        video=_known(VideoModel, attribute(root, "devices/video/model", "type"), VideoModel.VIRTIO),
        has_serial=root.find("devices/serial") is not None,
        has_agent=AGENT_CHANNEL in _names(channels),
        has_rng=root.find("devices/rng") is not None,
    )


def _names(targets: Iterable[etree._Element]) -> set[str | None]:
    return {target.get("name") for target in targets}


def _machine(name: str) -> Machine:
    """Return the kind of "pc-q35-7.2" or "pc-i440fx-7.2", whatever its version."""
    if "q35" in name:
        return Machine.Q35
    return Machine.PC if name.startswith("pc") else Machine.DEFAULT


def _topology(element: etree._Element) -> Topology:
    return Topology(*(number(element.get(key)) or 1 for key in ("sockets", "cores", "threads")))


def _firmware(root: etree._Element) -> Firmware:
    loader = root.find("os/loader")
    is_secure = loader is not None and loader.get("secure") == "yes"
    is_uefi = root.find("os[@firmware='efi']") is not None
    is_uefi = is_uefi or (loader is not None and loader.get("type") == "pflash")
    if not is_uefi:
        return Firmware.BIOS
    return Firmware.SECURE_BOOT if is_secure else Firmware.UEFI
