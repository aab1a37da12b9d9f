"""Whether a host can make what a blueprint wants: each shortfall with the field that it is about.

Reads rows, never asks the host. Keys are those of the API: "vcpus", "hardware.firmware",
"disks.1.pool"; the size of the first disk and the network of the first interface, which are also
given alone, are called "disk_bytes" and "network_name".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vms.hypervisor.blueprint import (
    MAX_DISKS,
    MAX_NICS,
    Blueprint,
    DiskOrigin,
    DiskPlan,
    SourceKind,
)
from vms.hypervisor.hardware import (
    CpuMode,
    DiskBus,
    DiskFormat,
    Firmware,
    GuestOptions,
    Hardware,
    Machine,
)
from vms.hypervisor.storage_types import BLOCK_KINDS
from vms.models import Host, Network, Pool, Volume
from vms.problems import Problem
from vms.services import hosts
from vms.services.pool_state import pool_problem

MAX_VCPUS = 512
MIN_MEMORY_MIB = 32
Shortfall = tuple[str, Problem]


@dataclass(frozen=True, slots=True)
class Stock:
    """What was last seen on a host, by name, for judging many templates with few queries."""

    options: GuestOptions
    pools: dict[str, Pool] = field(default_factory=dict)
    volumes: dict[tuple[str, str], Volume] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)


def stocks_of(known: Iterable[Host], volume_names: set[str]) -> dict[object, Stock]:
    """Read pools, networks and the volumes of these names, by host: three queries in all."""
    rows = list(known)
    stocks: dict[object, Stock] = {host.pk: Stock(hosts.options(host)) for host in rows}
    for pool in Pool.objects.filter(host__in=rows):
        stocks[pool.host_id].pools[pool.name] = pool
    volumes = Volume.objects.select_related("pool", "pool__host")
    for volume in volumes.filter(pool__host__in=rows, name__in=volume_names):
        stocks[volume.pool.host_id].volumes[volume.pool.name, volume.name] = volume
    for network in Network.objects.filter(host__in=rows):
        stocks[network.host_id].networks[network.name] = network
    return stocks


def size_problems(host: Host, vcpus: int, memory_mib: int) -> dict[str, Problem]:
    """Check CPUs and memory against what the host has."""
    errors: dict[str, Problem] = {}
    host_cpus = int(host.facts.get("cpus") or MAX_VCPUS)
    host_memory = int(host.facts.get("memory_mib") or 0)
    if vcpus < 1:
        errors["vcpus"] = Problem("too-small", limit=1)
    elif vcpus > host_cpus:
        errors["vcpus"] = Problem("vcpus-over-host", limit=host_cpus)
    if memory_mib < MIN_MEMORY_MIB:
        errors["memory_mib"] = Problem("too-small", limit=f"{MIN_MEMORY_MIB} MiB")
    elif host_memory and memory_mib > host_memory:
        errors["memory_mib"] = Problem("memory-over-host", limit=host_memory)
    return errors


def disk_key(index: int, name: str) -> str:
    """Name a field of a disk as the doors know it."""
    return "disk_bytes" if (index, name) == (0, "size_bytes") else f"disks.{index}.{name}"


def nic_key(index: int, name: str) -> str:
    """Name a field of a network interface as the doors know it."""
    return "network_name" if (index, name) == (0, "network") else f"nics.{index}.{name}"


def shortfalls(blueprint: Blueprint, stock: Stock, main_pool: str) -> Iterator[Shortfall]:
    """Yield what keeps guests of this blueprint from being made; `main_pool` is the image's."""
    yield from _hardware(blueprint.hardware, blueprint.vcpus, stock.options)
    if len(blueprint.disks) > MAX_DISKS:
        yield "disks", Problem("too-many-disks", limit=MAX_DISKS)
    if blueprint.source is SourceKind.IMAGE and not blueprint.disks:
        yield "disks", Problem("disk-needed")
    if blueprint.cloud.is_read and not blueprint.disks and not main_pool:
        yield "has_cloud_init", Problem("seed-needs-disk")
    for index, disk in enumerate(blueprint.disks):
        yield from _disk(index, disk, blueprint, stock, main_pool)
    if len(blueprint.nics) > MAX_NICS:
        yield "nics", Problem("too-many-nics", limit=MAX_NICS)
    if blueprint.source is SourceKind.NETWORK and not blueprint.nics:
        yield nic_key(0, "network"), Problem("network-needed")
    for index, nic in enumerate(blueprint.nics):
        network = stock.networks.get(nic.network)
        if network is None:
            yield nic_key(index, "network"), Problem("network-gone", name=nic.network)
        elif not network.is_active:
            yield nic_key(index, "network"), Problem("network-inactive", name=nic.network)


def _hardware(wanted: Hardware, vcpus: int, options: GuestOptions) -> Iterator[Shortfall]:
    topology = wanted.topology
    if topology is not None and topology.vcpus != vcpus:
        yield "hardware.topology", Problem("topology-product", product=topology.vcpus, vcpus=vcpus)
    if wanted.cpu_mode is CpuMode.NAMED and not wanted.cpu_model:
        yield "hardware.cpu_model", Problem("required")
    if wanted.firmware is Firmware.SECURE_BOOT and wanted.machine is Machine.PC:
        yield "hardware.firmware", Problem("secure-boot-needs-q35")
    if options.is_known:
        yield from _not_offered(wanted, options)


def _not_offered(wanted: Hardware, options: GuestOptions) -> Iterator[Shortfall]:
    if wanted.machine and wanted.machine not in options.machines:
        yield "hardware.machine", Problem("machine-not-offered", name=wanted.machine.value)
    if wanted.cpu_mode not in options.cpu_modes:
        yield "hardware.cpu_mode", Problem(f"no-{wanted.cpu_mode.value}")
    named = wanted.cpu_mode is CpuMode.NAMED and wanted.cpu_model
    if named and wanted.cpu_model not in options.cpu_models:
        yield "hardware.cpu_model", Problem("cpu-not-offered", name=wanted.cpu_model)
    if wanted.firmware not in options.firmwares:
        yield "hardware.firmware", Problem(f"no-{wanted.firmware.value}")
    if wanted.has_tpm and not options.has_tpm:
        yield "hardware.has_tpm", Problem("no-tpm")
    if wanted.has_screen and wanted.video not in options.videos:
        yield "hardware.video", Problem("video-not-offered", name=wanted.video.value)


def _disk(
    index: int, disk: DiskPlan, blueprint: Blueprint, stock: Stock, main_pool: str
) -> Iterator[Shortfall]:
    pool = stock.pools.get(disk.pool or main_pool)
    if not (disk.pool or main_pool):
        yield disk_key(index, "pool"), Problem("required")
    elif pool is None:
        yield disk_key(index, "pool"), Problem("pool-not-found", name=disk.pool or main_pool)
    elif problem := pool_problem(pool):
        yield disk_key(index, "pool"), problem
    elif pool.kind in BLOCK_KINDS and disk.format is not DiskFormat.RAW:
        yield disk_key(index, "format"), Problem("pool-needs-raw", name=pool.name)
    if disk.origin is DiskOrigin.LINKED and disk.format is not DiskFormat.QCOW2:
        yield disk_key(index, "format"), Problem("linked-needs-qcow2")
    if disk.origin is DiskOrigin.BLANK and disk.size_bytes < 1:
        yield disk_key(index, "size_bytes"), Problem("required")
    if disk.bus is DiskBus.IDE and blueprint.hardware.machine is not Machine.PC:
        yield disk_key(index, "bus"), Problem("ide-needs-pc")
    if disk.origin is DiskOrigin.BLANK:
        if blueprint.source is SourceKind.IMAGE and index == 0:
            yield disk_key(index, "origin"), Problem("first-disk-from-image")
    elif disk.source_volume:
        yield from _source(index, disk, stock)
    elif blueprint.source is not SourceKind.IMAGE:
        yield disk_key(index, "origin"), Problem("disk-has-no-source")


def _source(index: int, disk: DiskPlan, stock: Stock) -> Iterator[Shortfall]:
    source = stock.volumes.get((disk.source_pool, disk.source_volume))
    if source is None:
        where = {"name": disk.source_volume, "pool": disk.source_pool}
        yield disk_key(index, "source_volume"), Problem("image-gone", **where)
    elif 0 < disk.size_bytes < source.capacity_bytes:
        yield disk_key(index, "size_bytes"), Problem("disk-under-source", name=source.name)
