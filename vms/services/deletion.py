"""Delete a guest, with exactly the disks that were chosen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from vms import messages, selectors
from vms.hypervisor import domains, storage, usage
from vms.hypervisor.types import Disk
from vms.hypervisor.xml.parse import parse_domain
from vms.live import publish
from vms.models import VM, Job, Volume
from vms.policy import Action, Actor, can
from vms.problems import Invalid, Problem, Refused
from vms.services import audit, busy, creation, hosts, job_kinds, jobs, sync, templates, uses

KIND = "delete-vm"
STEPS = 3


@dataclass(frozen=True, slots=True)
class DeletableDisk:
    """A disk as the dialog shows it; `reason` says why it cannot be deleted, "" when it can."""

    target: str
    path: str
    pool: str
    volume: str
    size_bytes: int
    can_delete: bool
    reason: str


def disks(*, actor: Actor, vm_id: selectors.Identifier) -> tuple[DeletableDisk, ...]:
    """List the guest's disks with what may become of each; CDs and the cloud-init seed are left
    out.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_DELETE)
    return _disks(actor, vm)


def _disks(actor: Actor, vm: VM) -> tuple[DeletableDisk, ...]:
    return tuple(
        _deletable(actor, vm, disk)
        for disk in parse_domain(vm.xml).disks
        if disk.device == "disk" and not disk.source.endswith(f"/{creation.seed_volume_name(vm)}")
    )


def _volume_of(vm: VM, disk: Disk) -> Volume | None:
    rows = Volume.objects.select_related("pool").filter(pool__host=vm.host)
    if disk.source_pool:
        return rows.filter(pool__name=disk.source_pool, name=disk.source_volume).first()
    return rows.filter(path=disk.source).first() if disk.source else None


def _deletable(actor: Actor, vm: VM, disk: Disk) -> DeletableDisk:
    volume = _volume_of(vm, disk)
    problem = Problem("disk-not-in-pool") if volume is None else _in_use(actor, vm, volume)
    return DeletableDisk(
        target=disk.target,
        path=disk.source,
        pool=volume.pool.name if volume else "",
        volume=volume.name if volume else "",
        size_bytes=volume.capacity_bytes if volume else 0,
        can_delete=problem is None,
        reason=messages.sentence(problem) if problem else "",
    )


def _in_use(actor: Actor, vm: VM, volume: Volume) -> Problem | None:
    """Say what else needs the volume; others' guests are named only to those who may see them."""
    template = templates.using(vm.host, pool=volume.pool.name, volume=volume.name)
    if template is not None:
        return Problem("disk-is-template", name=template.name)
    overlay = Volume.objects.filter(pool__host=vm.host, backing_path=volume.path).first()
    if overlay is not None:
        return Problem("disk-is-backing", name=overlay.name)
    other = _other_user(vm, volume)
    if other is None:
        return None
    if can(actor, Action.VM_VIEW, other):
        return Problem("disk-is-shared", name=other.name)
    return Problem("disk-is-shared-elsewhere")


def _other_user(vm: VM, volume: Volume) -> VM | None:
    """Find another guest with that disk. Whole rows of a thousand guests would take long."""
    others = VM.objects.filter(host=vm.host).exclude(pk=vm.pk)
    for pk, paths in others.values_list("pk", "disk_paths"):
        if volume.path in paths:
            return others.defer("xml").filter(pk=pk).first()
    return None


def own_disks(*, actor: Actor, vm: VM) -> tuple[DeletableDisk, ...]:
    """List the disks that were made with a guest and that nothing else needs."""
    found = disks(actor=actor, vm_id=vm.pk)
    return tuple(disk for disk in found if disk.can_delete and str(vm.domain_uuid) in disk.volume)


def delete(*, actor: Actor, vm_id: selectors.Identifier, delete_disks: Collection[str]) -> Job:
    """Enqueue the deletion of a guest and of the disks whose targets are named.

    Raises Invalid("disks") when a named disk is unknown or must stay; then nothing was done.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_DELETE)
    busy.require_free(vm)
    hosts.require_connected(vm.host)
    chosen = _chosen(actor, vm, delete_disks)
    trail = audit.Trail(
        actor,
        Action.VM_DELETE.value,
        audit.about(vm),
        command=f"virsh undefine {vm.domain_uuid}",
        detail={"deleted disks": [f"{disk.pool}/{disk.volume}" for disk in chosen]},
    )
    params = {"volumes": [[disk.pool, disk.volume] for disk in chosen]}
    try:
        with transaction.atomic():
            audit.requested(trail)
            new = jobs.NewJob(KIND, vm, params, STEPS)
            job = jobs.request(actor=actor, new=new, correlation=trail.correlation)
            transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    except IntegrityError:
        raise Refused("job-under-way") from None
    return job


def _chosen(actor: Actor, vm: VM, targets: Collection[str]) -> list[DeletableDisk]:
    known = {disk.target: disk for disk in _disks(actor, vm)}
    for target in sorted(targets):
        if target not in known:
            raise Invalid({"disks": Problem("unknown-disk", name=target)})
        if not known[target].can_delete:
            why = known[target].reason
            raise Invalid({"disks": Problem("disk-must-stay", name=target, reason=why)})
    return [known[target] for target in sorted(targets)]


@job_kinds.runs(KIND)
def run(job: Job) -> None:
    """Delete the guest of a job. Once the domain is gone it can no longer be cancelled."""
    vm = job.vm
    if vm is None:
        return
    host, uuid = hosts.connection(vm.host), str(vm.domain_uuid)
    jobs.step(job, "stop", 0)
    domains.destroy_if_active(host, uuid)
    jobs.step(job, "undefine", 1)
    volumes = [*_still_free(vm, job), *_seed(vm)]
    for pool, name in volumes:
        jobs.made(job, "orphan", str(vm.host_id), uuid, pool, name)
    domains.undefine(host, uuid)
    # Who started it since keeps it running without a definition; nobody can start it any more.
    domains.destroy_if_active(host, uuid)
    jobs.advance(job, "disks", 2)
    for pool, name in volumes:
        storage.delete_volume(host, pool=pool, name=name)
    sync.drop(vm.pk)


def _still_free(vm: VM, job: Job) -> list[tuple[str, str]]:
    """The chosen volumes that nothing else needs now, as the host itself says."""
    chosen = job.params.get("volumes", [])
    if not chosen:
        return []
    everything = usage.look(hosts.connection(vm.host))
    rows = Volume.objects.select_related("pool", "pool__host").filter(pool__host=vm.host)
    free = []
    for pool, name in chosen:
        volume = rows.filter(pool__name=pool, name=name).first()
        if volume is None or not _is_needed_elsewhere(vm, uses.standing(volume, everything)):
            free.append((pool, name))
    return free


def _is_needed_elsewhere(vm: VM, standing: uses.Standing) -> bool:
    others = {disk.domain_uuid for disk in standing.disks} - {str(vm.domain_uuid)}
    made_from = {uses.UseKind.TEMPLATE, uses.UseKind.OVERLAY}
    return bool(others) or any(use.kind in made_from for use in standing.uses)


def _seed(vm: VM) -> list[tuple[str, str]]:
    """The guest's own cloud-init seed, which always goes with it."""
    for disk in parse_domain(vm.xml).disks:
        if disk.source.endswith(f"/{creation.seed_volume_name(vm)}"):
            found = storage.find_by_path(hosts.connection(vm.host), disk.source)
            return [(found.pool, found.name)] if found else []
    return []
