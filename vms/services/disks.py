"""A guest's own disks: what they are, as last seen, and growing them; for whoever may edit it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vms import messages, selectors
from vms.hypervisor.storage_types import RESIZABLE_KINDS
from vms.hypervisor.types import Disk
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, Volume
from vms.policy import Action, Actor
from vms.problems import Invalid, Problem, Refused
from vms.services import audit, busy, creation, hosts, jobs, quotas, uses, volumes


@dataclass(frozen=True, slots=True)
class GuestDisk:
    """A disk or drive of a guest. Sizes are None where its file is in no pool that is known."""

    target: str
    device: str
    bus: str
    format: str
    name: str
    is_readonly: bool
    pool: str = ""
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    backing: str = ""
    can_grow: bool = False


def of_guest(*, actor: Actor, vm_id: selectors.Identifier) -> tuple[GuestDisk, ...]:
    """List the guest's disks with their sizes; no call to the host."""
    vm = selectors.vm(actor, vm_id)
    disks = parse_domain(vm.xml).disks
    rows = _volumes(vm, disks)
    return tuple(_guest_disk(vm, disk, _volume_of(disk, rows)) for disk in disks)


def _volumes(vm: VM, disks: Iterable[Disk]) -> list[Volume]:
    rows = Volume.objects.select_related("pool", "pool__host").filter(pool__host=vm.host)
    paths = [disk.source for disk in disks if disk.source]
    names = [disk.source_volume for disk in disks if disk.source_volume]
    return list(rows.filter(path__in=paths) | rows.filter(name__in=names))


def _volume_of(disk: Disk, rows: Iterable[Volume]) -> Volume | None:
    for row in rows:
        if disk.source_pool and (row.pool.name, row.name) == (disk.source_pool, disk.source_volume):
            return row
        if disk.source and row.path == disk.source:
            return row
    return None


def _guest_disk(vm: VM, disk: Disk, volume: Volume | None) -> GuestDisk:
    path = disk.source_volume or disk.source
    is_seed = path.endswith(creation.seed_volume_name(vm))
    known = GuestDisk(
        target=disk.target,
        device=disk.device,
        bus=disk.bus,
        format=disk.format,
        name=path.rsplit("/", 1)[-1],
        is_readonly=disk.is_readonly,
    )
    if volume is None:
        return known
    return GuestDisk(
        target=disk.target,
        device=disk.device,
        bus=disk.bus,
        format=disk.format,
        name=volume.name,
        is_readonly=disk.is_readonly,
        pool=volume.pool.name,
        capacity_bytes=volume.capacity_bytes,
        allocation_bytes=volume.allocation_bytes,
        backing=volume.backing_path.rsplit("/", 1)[-1],
        can_grow=disk.device == "disk"
        and not disk.is_readonly
        and not is_seed
        and volume.pool.kind in RESIZABLE_KINDS,
    )


def grow(*, actor: Actor, vm_id: selectors.Identifier, target: str, capacity_bytes: int) -> VM:
    """Make a disk larger; a guest that runs sees it at once.

    Raises Invalid, Refused while something else needs the disk; then nothing was changed.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    busy.require_free(vm)
    hosts.require_connected(vm.host)
    volume = _growable(vm, target)
    if capacity_bytes <= volume.capacity_bytes:
        limit = messages.size(volume.capacity_bytes)
        raise Invalid({"capacity_bytes": Problem("disk-only-grows", limit=limit)})
    if capacity_bytes > volume.capacity_bytes + volume.pool.available_bytes:
        limit = messages.size(volume.pool.available_bytes)
        raise Invalid(
            {"capacity_bytes": Problem("disk-over-pool", pool=volume.pool.name, limit=limit)}
        )
    standing = uses.now(volume)
    _require_own(vm, volume, standing)
    trail = audit.Trail(
        actor,
        "vm.grow-disk",
        audit.about(vm),
        command=f"virsh blockresize {vm.domain_uuid} {target} {capacity_bytes}B",
        detail={"disk": target, "from": volume.capacity_bytes, "to": capacity_bytes},
    )
    with audit.audited(trail):
        if jobs.open_about("volume", volume.pk):
            raise Refused("job-on-target")
        with quotas.more_disk(
            actor=actor, vm=vm, bytes_more=capacity_bytes - volume.capacity_bytes
        ):
            volumes.set_size(volume, standing, capacity_bytes)
    return vm


def _growable(vm: VM, target: str) -> Volume:
    disks = [disk for disk in parse_domain(vm.xml).disks if disk.target == target]
    if not disks:
        raise Invalid({"target": Problem("unknown-disk", name=target)})
    volume = _volume_of(disks[0], _volumes(vm, disks))
    if volume is None:
        raise Refused("disk-cannot-grow", name=target)
    if not _guest_disk(vm, disks[0], volume).can_grow:
        raise Refused("disk-stays", name=target, pool=volume.pool.name)
    return volume


def _require_own(vm: VM, volume: Volume, standing: uses.Standing) -> None:
    """Refuse while anything but this guest needs the disk; others' guests are not named."""
    strangers = {disk.domain_uuid for disk in standing.own_disks} - {str(vm.domain_uuid)}
    if standing.dependents or strangers:
        raise Refused("disk-shared-grow", name=volume.name)
