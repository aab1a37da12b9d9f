"""A template from a guest that exists: its disks are copied, so that neither touches the other."""

from __future__ import annotations

import re
import uuid
from dataclasses import asdict, dataclass, replace
from functools import partial

from django.db import IntegrityError, transaction

from vms import selectors
from vms.hypervisor import copies, storage, sysprep
from vms.hypervisor.blueprint import Blueprint, CloudPlan
from vms.hypervisor.storage_types import BLOCK_KINDS, VolumeSpec
from vms.hypervisor.types import Disk, VmState, VolumeInfo
from vms.hypervisor.xml.machine import disk_like, machine_of
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, CloudInit, Job, Pool, Template, Volume
from vms.policy import Action, Actor, Person, SystemActor, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import audit, busy, creation, hosts, job_kinds, jobs, names, sync_storage
from vms.services.templates import TemplateContent, make

KIND = "copy-template"
ACTION = "template.copy"
STEPS = 4


@dataclass(frozen=True, slots=True)
class CopyWish:
    """What the new template is called, where its images go ("": beside the disks), and whether the
    copies lose the identity of the guest.
    """

    name: str
    description: str = ""
    pool: str = ""
    is_cleaned: bool = False


@dataclass(frozen=True, slots=True)
class CopyPreview:
    """What the page shows before it is done: the disks, the pools to choose, what cannot be."""

    disks: tuple[tuple[str, int], ...]
    """Name of each volume and its size in bytes."""
    pools: tuple[str, ...]
    reason: str
    """Code of why it cannot be done now, "" when it can."""
    clean_reason: str
    """Code of why the copies cannot be cleaned, "" when they can."""


def preview(*, actor: Actor, vm_id: selectors.Identifier) -> CopyPreview:
    """Say what a template from the guest would copy. Raises Forbidden, NotFound."""
    vm = _guest(actor, vm_id)
    pools = Pool.objects.filter(host=vm.host, state="active").exclude(kind__in=BLOCK_KINDS)
    found = _disks(vm)
    reason = busy.blocker(vm) or ("" if vm.vm_state is VmState.OFF else "must-be-off")
    if not reason and (not found or any(volume is None for _disk, volume in found)):
        reason = "disk-not-in-pool"
    return CopyPreview(
        disks=tuple((volume.name, volume.capacity_bytes) for _disk, volume in found if volume),
        pools=tuple(pool.name for pool in pools),
        reason=reason,
        clean_reason=sysprep.missing(hosts.connection(vm.host)),
    )


def from_guest(*, actor: Actor, vm_id: selectors.Identifier, wish: CopyWish) -> Job:
    """Enqueue the copying of a guest that is off. Raises Refused, or Invalid with its fields."""
    vm = _guest(actor, vm_id)
    busy.require_free(vm)
    shown = preview(actor=actor, vm_id=vm_id)
    if shown.reason:
        raise Refused(shown.reason)
    hosts.require_connected(vm.host)
    if errors := _errors(vm, wish, shown):
        raise Invalid(errors)
    target = audit.Target("vm", str(vm.pk), vm.name)
    trail = audit.Trail(actor, ACTION, target, detail={"template": wish.name})
    new = jobs.NewJob(KIND, vm, asdict(wish), STEPS)
    try:
        with transaction.atomic():
            audit.requested(trail)
            return jobs.request(actor=actor, new=new, correlation=trail.correlation)
    except IntegrityError:
        raise Refused("job-under-way") from None


def _guest(actor: Actor, vm_id: selectors.Identifier) -> VM:
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    if not can(actor, Action.TEMPLATE_CREATE):
        raise Forbidden("forbidden", action=Action.TEMPLATE_CREATE.value)
    return vm


def _errors(vm: VM, wish: CopyWish, shown: CopyPreview) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if problem := names.name_problem(wish.name):
        errors["name"] = problem
    elif Template.objects.filter(name=wish.name).exists():
        errors["name"] = Problem("template-name-used", name=wish.name)
    if wish.pool and wish.pool not in shown.pools:
        errors["pool"] = Problem("pool-not-found", name=wish.pool)
    kinds = {volume.pool.kind for _disk, volume in _disks(vm) if volume}
    if not wish.pool and not kinds.isdisjoint(BLOCK_KINDS):
        errors["pool"] = Problem("required")  # guests need qcow2 over the copies, beside them
    if wish.is_cleaned and shown.clean_reason:
        errors["is_cleaned"] = Problem(shown.clean_reason)
    return errors


def _disks(vm: VM) -> list[tuple[Disk, Volume | None]]:
    """The guest's own disks with their volumes, without CDs and its seed."""
    seed = f"/{creation.seed_volume_name(vm)}"
    rows = Volume.objects.select_related("pool").filter(pool__host=vm.host)
    return [
        (disk, rows.filter(path=disk.source).first())
        for disk in parse_domain(vm.xml).disks
        if disk.device == "disk" and not disk.source.endswith(seed)
    ]


def _again(actor: Actor, job: Job) -> Job:
    """Ask for the same copies once more."""
    return from_guest(actor=actor, vm_id=str(job.vm_id), wish=CopyWish(**job.params))


@job_kinds.runs(KIND, again=_again)
def run(job: Job) -> None:
    """Copy the disks, clean them where that was asked, and make the template of the copies."""
    vm, wish = job.vm, CopyWish(**job.params)
    if vm is None:
        raise Problem("not-found")
    jobs.step(job, "check", 0)
    found = [(disk, volume) for disk, volume in _disks(vm) if volume is not None]
    if vm.vm_state is not VmState.OFF or not found:
        raise Refused("must-be-off")
    jobs.step(job, "copy-disks", 1)
    made = [(disk, _copy(job, volume, wish)) for disk, volume in found]
    jobs.step(job, "clean", 2)
    if wish.is_cleaned:
        sysprep.clean([copy for _disk, copy in made], lambda _line: jobs.step(job, "clean", 2))
    jobs.step(job, "template", 3)
    _make_template(job, vm, wish, made)


def _copy(job: Job, source: Volume, wish: CopyWish) -> VolumeInfo:
    pool = wish.pool or source.pool.name
    stem = re.sub(r"[^\w.-]+", "-", wish.name.lower()).strip("-.")[:60] or "template"
    name = f"{stem}-{uuid.uuid4().hex[:8]}.qcow2"
    spec = VolumeSpec(pool, name, "qcow2", source.capacity_bytes)
    jobs.made(job, "volume", str(source.pool.host_id), pool, spec.name)
    host = hosts.connection(source.pool.host)
    made = copies.clone(
        host,
        pool=source.pool.name,
        name=source.name,
        spec=spec,
        progress=partial(jobs.progress, job),
    )
    return storage.get_volume(host, pool=pool, name=made.name)


def _make_template(
    job: Job, vm: VM, wish: CopyWish, made: list[tuple[Disk, VolumeInfo]]
) -> Template:
    for _disk, copy in made:
        sync_storage.observe_volume(vm.host, copy)
    (_first, image), *_others = made
    rows = Volume.objects.filter(pool__host=vm.host)
    row = rows.get(pool__name=image.pool, name=image.name)
    actor: Actor = Person(job.actor) if job.actor else SystemActor()
    content = TemplateContent(
        name=wish.name,
        blueprint=_blueprint(vm, made),
        description=wish.description,
        os_name=vm.template.os_name if vm.template else "",
        icon=vm.template.icon if vm.template else "linux",
    )
    return make(actor=actor, content=content, image_id=row.pk, job=job)


def _blueprint(vm: VM, made: list[tuple[Disk, VolumeInfo]]) -> Blueprint:
    plans = []
    for index, (disk, copy) in enumerate(made):
        pool, volume = (copy.pool, copy.name) if index else ("", "")
        plans.append(disk_like(vm.xml, disk.target, source_pool=pool, source_volume=volume))
    told = CloudInit.objects.filter(vm=vm).exists()
    user = vm.template.default_user if vm.template else ""
    cloud = CloudPlan(is_read=told, user=user if told else "")
    return replace(machine_of(vm.xml, tuple(plans)), cloud=cloud)
