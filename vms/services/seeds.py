"""The cloud-init seed of a guest that is there already: changed, given, taken away.

A change is read by the guest at its next boot, as if it were a new one. A running guest keeps the
same disk, which is written over; giving and taking it needs the guest off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db import transaction

from vms import selectors
from vms.hypervisor import cloudinit, domains, storage
from vms.hypervisor.blueprint import Blueprint, DiskPlan
from vms.hypervisor.hardware import DiskBus
from vms.hypervisor.types import Disk, VmState
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, CloudInit, Volume
from vms.policy import Action, Actor
from vms.problems import Invalid, Problem, Refused
from vms.services import audit, busy, cloud, creation, hosts, sync
from vms.services.cloud import AddressWish, CloudWish

ACTION = "vm.cloud-init"


@dataclass(frozen=True, slots=True)
class SeedState:
    """What the settings of a guest show. Without a seed the wish is empty but for its shape."""

    has_seed: bool
    has_password: bool
    generation: int
    wish: CloudWish
    macs: tuple[str, ...]


def state(*, actor: Actor, vm_id: selectors.Identifier) -> SeedState:
    """Read what the guest is told, from rows alone; its password is not among it."""
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    row = CloudInit.objects.filter(vm=vm).first()
    macs = tuple(nic.mac for nic in parse_domain(vm.xml).nics)
    if row is None:
        wish = CloudWish(nics=tuple(AddressWish() for _mac in macs))
        return SeedState(_disk_of(vm) is not None, False, 0, wish, macs)
    kept = cloud.wish_of(row)
    told = {nic.mac: each for nic, each in zip(cloud.settings_of(row).nics, kept.nics, strict=True)}
    wish = replace(kept, nics=tuple(told.get(mac, AddressWish()) for mac in macs))
    has_seed, has_password = _disk_of(vm) is not None, bool(row.password_hash)
    return SeedState(has_seed, has_password, row.generation, wish, macs)


def save(*, actor: Actor, vm_id: selectors.Identifier, wish: CloudWish) -> VM:
    """Write what the guest is told at its next boot; one without a seed is given one.

    An empty password leaves the one of before. Raises Invalid with a problem per field,
    Refused("must-be-off") where a disk has to be added.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    busy.require_free(vm)
    row = CloudInit.objects.filter(vm=vm).first()
    fresh = row or CloudInit(vm=vm, generation=0)
    errors = cloud.problems(
        wish,
        has_password=bool(fresh.password_hash and wish.user),
        for_windows=cloud.reads_windows(fresh),
    )
    if errors:
        raise Invalid(errors)
    disk = _disk_of(vm)
    if disk is None and vm.vm_state is not VmState.OFF:
        raise Refused("must-be-off")
    with audit.audited(_trail(actor, vm, "changed" if disk else "added")):
        cloud.rewrite(fresh, wish, macs=tuple(nic.mac for nic in parse_domain(vm.xml).nics))
        data = cloudinit.seed_iso(cloud.seed_of(fresh, vm))
        if disk is None:
            _add(vm, data)
        else:
            _write_over(vm, disk, data)
        with transaction.atomic():
            fresh.save()
    return vm


def remove(*, actor: Actor, vm_id: selectors.Identifier) -> VM:
    """Take the seed from a guest that is off, with its volume and all that was kept of it."""
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    busy.require_free(vm)
    if vm.vm_state is not VmState.OFF:
        raise Refused("must-be-off")
    with audit.audited(_trail(actor, vm, "removed")):
        host, disk = hosts.connection(vm.host), _disk_of(vm)
        if disk is not None:
            domains.remove_disk(host, str(vm.domain_uuid), disk.source)
            found = storage.find_by_path(host, disk.source)
            if found is not None:
                storage.delete_volume(host, pool=found.pool, name=found.name)
        with transaction.atomic():
            CloudInit.objects.filter(vm=vm).delete()
        _look_again(vm)
    return vm


def _trail(actor: Actor, vm: VM, what: str) -> audit.Trail:
    return audit.Trail(actor, ACTION, audit.about(vm), detail={"seed": what})


def _disk_of(vm: VM) -> Disk | None:
    """Find the seed among the disks of the guest, by the name that kvmweb gave it."""
    own = f"/{creation.seed_volume_name(vm)}"
    return next((disk for disk in parse_domain(vm.xml).disks if disk.source.endswith(own)), None)


def _write_over(vm: VM, disk: Disk, data: bytes) -> None:
    """Write the new seed where the old one is; one of an older kvmweb is smaller, and replaced."""
    host = hosts.connection(vm.host)
    found = storage.find_by_path(host, disk.source)
    if found is not None and found.capacity_bytes >= len(data):
        storage.overwrite_bytes(host, pool=found.pool, name=found.name, data=data)
        return
    if found is None or vm.vm_state is not VmState.OFF:
        raise Refused("seed-gone" if found is None else "must-be-off")
    storage.delete_volume(host, pool=found.pool, name=found.name)
    storage.upload_bytes(host, pool=found.pool, name=found.name, data=data)


def _add(vm: VM, data: bytes) -> None:
    host, name = hosts.connection(vm.host), creation.seed_volume_name(vm)
    first = next((disk for disk in parse_domain(vm.xml).disks if disk.device == "disk"), None)
    rows = Volume.objects.select_related("pool").filter(pool__host=vm.host)
    beside = rows.filter(path=first.source).first() if first else None
    if first is None or beside is None:
        raise Invalid({"": Problem("disk-not-in-pool")})
    pool = beside.pool.name
    storage.delete_volume(host, pool=pool, name=name)  # one that was left behind
    made = storage.upload_bytes(host, pool=pool, name=name, data=data)
    bus = DiskBus(first.bus) if first.bus in set(DiskBus) else DiskBus.VIRTIO
    shape = Blueprint(disks=(DiskPlan(bus=bus),))
    try:
        domains.add_disk(host, str(vm.domain_uuid), creation.seed_disk(made.path, shape))
    except BaseException:
        storage.delete_volume(host, pool=pool, name=name)
        raise
    _look_again(vm)


def _look_again(vm: VM) -> None:
    record = domains.get(hosts.connection(vm.host), str(vm.domain_uuid))
    sync.observe_domain(vm.host, record)
    vm.refresh_from_db()
