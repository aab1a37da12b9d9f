"""Make a guest, step by step, on the host: the work of a job, run by the worker."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from django.db import transaction

from vms.hypervisor import cloudinit, domains, storage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import NameTaken, OperationFailed, VolumeNotFound
from vms.hypervisor.types import (
    Accelerator,
    DiskSpec,
    DomainRecord,
    NicSpec,
    Verb,
    VmMetadata,
    VmSpec,
    VolumeInfo,
)
from vms.models import VM, Job, Template
from vms.problems import Problem
from vms.services import hosts, job_kinds, jobs, names, sync, sync_storage
from vms.services.installation import installation_id

KIND = "create-vm"
STEPS = 5


@dataclass(frozen=True, slots=True)
class Params:
    """What the job needs besides the rows; `password_hash` is wiped from the job when it has
    ended.
    """

    disk_bytes: int
    user: str = ""
    password_hash: str = field(default="", repr=False)
    ssh_keys: list[str] = field(default_factory=list)
    is_started: bool = True

    def as_json(self) -> dict[str, object]:
        """Give the values as a job stores them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the steps share."""

    job: Job
    vm: VM
    template: Template
    params: Params
    host: HostConnection


@job_kinds.runs(KIND)
def run(job: Job) -> None:
    """Make the guest of a job. Raises host errors, Problem or jobs.Cancelled; `jobs.finish` then
    cleans up.
    """
    work = _prepare(job)
    jobs.step(job, "check", 0)
    image = _check_image(work)
    jobs.step(job, "disk", 1)
    disk = _make_disk(work, image)
    jobs.step(job, "seed", 2)
    seed = _make_seed(work)
    jobs.step(job, "define", 3)
    record = _define(work, tuple(part for part in (disk, seed) if part))
    if work.params.is_started:
        jobs.step(job, "start", 4)
        domains.power(work.host, record.uuid, Verb.START)
    _settle(work, domains.get(work.host, record.uuid))


def _prepare(job: Job) -> _Work:
    vm = job.vm
    if vm is None or vm.template is None:
        raise Problem("unknown-template")
    return _Work(job, vm, vm.template, Params(**job.params), hosts.connection(vm.host))


def _check_image(work: _Work) -> VolumeInfo:
    """Look for the image on the host itself: what was last seen may be old."""
    pool, name = work.template.pool_name, work.template.volume_name
    try:
        return storage.get_volume(work.host, pool=pool, name=name)
    except OperationFailed as error:  # the pool still lists it, the file is gone
        raise VolumeNotFound(pool=pool, name=name) from error


def _make_disk(work: _Work, image: VolumeInfo) -> DiskSpec:
    name = f"{work.vm.domain_uuid}.qcow2"
    jobs.made(work.job, "volume", str(work.vm.host_id), image.pool, name)
    overlay = storage.create_overlay(
        work.host,
        pool=image.pool,
        name=name,
        backing_path=image.path,
        backing_format=image.format,
        capacity_bytes=max(work.params.disk_bytes, image.capacity_bytes),
    )
    # Whoever deletes the guest at once may choose its disk.
    sync_storage.observe_volume(work.vm.host, overlay)
    return DiskSpec(path=overlay.path, boot_order=1)


def seed_volume_name(vm: VM) -> str:
    """Name the volume that holds the guest's cloud-init seed."""
    return f"{vm.domain_uuid}-seed.iso"


def _make_seed(work: _Work) -> DiskSpec | None:
    if not work.template.has_cloud_init:
        return None
    vm, params = work.vm, work.params
    data = cloudinit.seed_iso(
        cloudinit.Seed(
            instance_id=str(vm.domain_uuid),
            hostname=cloudinit.hostname(vm.name),
            user=params.user,
            password_hash=params.password_hash,
            ssh_keys=tuple(params.ssh_keys),
        )
    )
    pool, name = work.template.pool_name, seed_volume_name(vm)
    jobs.made(work.job, "volume", str(vm.host_id), pool, name)
    volume = storage.upload_bytes(work.host, pool=pool, name=name, data=data)
    return DiskSpec(path=volume.path, format="raw", is_readonly=True)


def _define(work: _Work, disks: tuple[DiskSpec, ...]) -> DomainRecord:
    """Define under the guest's own name, or with a suffix where the host has that name already."""
    vm = work.vm
    jobs.made(work.job, "domain", str(vm.host_id), str(vm.domain_uuid))
    for name in names.candidates(vm.name):
        try:
            return domains.define(work.host, _spec(work, name, disks))
        except NameTaken:
            continue
    raise NameTaken(name=vm.name)


def _spec(work: _Work, libvirt_name: str, disks: tuple[DiskSpec, ...]) -> VmSpec:
    vm, facts = work.vm, work.vm.host.facts
    network = work.template.network_name
    return VmSpec(
        uuid=str(vm.domain_uuid),
        name=libvirt_name,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        accelerator=Accelerator(facts.get("accelerator") or Accelerator.QEMU),
        disks=disks,
        nics=(NicSpec(network=network),) if network else (),
        metadata=metadata(vm),
        arch=str(facts.get("arch") or "x86_64"),
        description=vm.description,
    )


def metadata(vm: VM) -> VmMetadata:
    """What the domain says about itself, so that a lost database can be rebuilt."""
    return VmMetadata(
        name=vm.name,
        owner=vm.owner.username if vm.owner else "",
        template=vm.template_name,
        installation=installation_id(),
        tags=tuple(vm.tags),
    )


def _settle(work: _Work, record: DomainRecord) -> None:
    with transaction.atomic():
        VM.objects.filter(pk=work.vm.pk).update(is_creating=False)
    sync.observe_domain(work.vm.host, record)
