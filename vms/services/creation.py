"""Make a guest, step by step, on the host: the work of a job, run by the worker."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC
from functools import partial

from django.db import transaction

from vms.hypervisor import cloudinit, copies, domains, storage
from vms.hypervisor.blueprint import (
    Blueprint,
    DiskOrigin,
    DiskPlan,
    SourceKind,
    with_first_network,
)
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.disks import resize_volume
from vms.hypervisor.errors import NameTaken, OperationFailed, VolumeNotFound
from vms.hypervisor.hardware import DiskBus, Hardware
from vms.hypervisor.storage_types import VolumeSpec
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
from vms.models import VM, CloudInit, Job, Lease
from vms.problems import Problem
from vms.services import cloud, hosts, job_kinds, jobs, names, sync, sync_storage, versions
from vms.services.installation import installation_id
from vms.services.versions import Source

KIND = "create-vm"
STEPS = 5


@dataclass(frozen=True, slots=True)
class Params:
    """What the job needs besides the rows."""

    disk_sizes: list[int]
    """Bytes of each disk of the blueprint, in its order."""
    is_started: bool = True
    network_name: str | None = None
    """In place of the template's network."""

    def as_json(self) -> dict[str, object]:
        """Give the values as a job stores them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the steps share."""

    job: Job
    vm: VM
    source: Source
    params: Params
    host: HostConnection

    @property
    def blueprint(self) -> Blueprint:
        """What the guest is made after."""
        return self.source.blueprint

    def pool_of(self, disk: DiskPlan) -> str:
        """Name the pool that a disk is made in."""
        return disk.pool or self.source.pool

    @property
    def told(self) -> CloudInit | None:
        """What the guest is told by cloud-init, where it reads a seed."""
        return CloudInit.objects.filter(vm=self.vm).first()

    @property
    def seed_pool(self) -> str:
        """Name the pool for what the guest needs besides: that of its first disk."""
        disks = self.blueprint.disks
        return self.pool_of(disks[0]) if disks else self.source.pool


@job_kinds.runs(KIND)
def run(job: Job) -> None:
    """Make the guest of a job. Raises host errors, Problem or jobs.Cancelled; `jobs.finish` then
    cleans up.
    """
    work = _prepare(job)
    jobs.step(job, "check", 0)
    medium = _check_image(work)
    jobs.step(job, "disk", 1)
    disks = [_make_disk(work, index, medium) for index in range(len(work.blueprint.disks))]
    jobs.step(job, "seed", 2)
    seed = _make_seed(work)
    jobs.step(job, "define", 3)
    record = _define(work, (*disks, *((seed,) if seed else ())), medium)
    if work.params.is_started:
        jobs.step(job, "start", 4)
        domains.power(work.host, record.uuid, Verb.START)
    _settle(work, domains.get(work.host, record.uuid))


def _prepare(job: Job) -> _Work:
    vm = job.vm
    if vm is None or vm.template is None:
        raise Problem("unknown-template")
    source = versions.source_of(vm.template, vm.template_number)
    return _Work(job, vm, source, Params(**job.params), hosts.connection(vm.host))


def _check_image(work: _Work) -> VolumeInfo | None:
    """Look for the image on the host itself: what was last seen may be old."""
    if work.blueprint.source is SourceKind.NETWORK:
        return None
    return _look_for(work, work.source.pool, work.source.volume)


def _look_for(work: _Work, pool: str, name: str) -> VolumeInfo:
    try:
        return storage.get_volume(work.host, pool=pool, name=name)
    except OperationFailed as error:  # the pool still lists it, the file is gone
        raise VolumeNotFound(pool=pool, name=name) from error


def disk_volume_name(vm: VM, index: int, format: str) -> str:
    """Name the volume of a guest's disk, the first without a number."""
    return f"{vm.domain_uuid}.{format}" if index == 0 else f"{vm.domain_uuid}-{index}.{format}"


def _make_disk(work: _Work, index: int, medium: VolumeInfo | None) -> DiskSpec:
    plan, size_bytes = work.blueprint.disks[index], work.params.disk_sizes[index]
    pool = work.pool_of(plan)
    name = disk_volume_name(work.vm, index, plan.format.value)
    jobs.made(work.job, "volume", str(work.vm.host_id), pool, name)
    if plan.origin is DiskOrigin.BLANK:
        spec = VolumeSpec(pool, name, plan.format.value, size_bytes)
        made = copies.create(work.host, spec, partial(jobs.progress, work.job))
    else:
        source = medium
        if plan.source_volume:
            source = _look_for(work, plan.source_pool, plan.source_volume)
        if source is None:
            raise Problem("disk-has-no-source")
        made = _from_source(work, plan, source, name=name, size_bytes=size_bytes)
    # Whoever deletes the guest at once may choose its disk.
    sync_storage.observe_volume(work.vm.host, made)
    return DiskSpec(
        path=made.path,
        format=plan.format.value,
        bus=plan.bus.value,
        boot_order=1 if index == 0 else None,
        cache=plan.cache,
        discard=plan.discard,
    )


def _from_source(
    work: _Work, plan: DiskPlan, source: VolumeInfo, *, name: str, size_bytes: int
) -> VolumeInfo:
    if plan.origin is DiskOrigin.COPY:
        return _full_copy(work, plan, source, name=name, size_bytes=size_bytes)
    return storage.create_overlay(
        work.host,
        pool=work.pool_of(plan),
        name=name,
        backing=source,
        capacity_bytes=max(size_bytes, source.capacity_bytes),
    )


def _full_copy(
    work: _Work, plan: DiskPlan, source: VolumeInfo, *, name: str, size_bytes: int
) -> VolumeInfo:
    """Copy the source, then grow the copy: libvirt copies at the size of what it reads."""
    pool, wanted = work.pool_of(plan), max(size_bytes, source.capacity_bytes)
    made = copies.clone(
        work.host,
        pool=source.pool,
        name=source.name,
        spec=VolumeSpec(pool, name, plan.format.value, wanted),
        progress=partial(jobs.progress, work.job),
    )
    if made.capacity_bytes >= wanted:
        return made
    return resize_volume(work.host, pool=pool, name=name, capacity_bytes=wanted)


def seed_volume_name(vm: VM) -> str:
    """Name the volume that holds the guest's cloud-init seed."""
    return f"{vm.domain_uuid}-seed.iso"


def _make_seed(work: _Work) -> DiskSpec | None:
    vm, told = work.vm, work.told
    if told is None:
        return None
    data = cloudinit.seed_iso(cloud.seed_of(told, vm))
    pool, name = work.seed_pool, seed_volume_name(vm)
    jobs.made(work.job, "volume", str(vm.host_id), pool, name)
    volume = storage.upload_bytes(work.host, pool=pool, name=name, data=data)
    return seed_disk(volume.path, work.blueprint)


def seed_disk(path: str, blueprint: Blueprint) -> DiskSpec:
    """Say how a guest sees its seed: on the bus of its first disk, which its kernel must know.

    A disk of the old buses cannot be read-only, so there it is a CD.
    """
    bus = blueprint.disks[0].bus if blueprint.disks else DiskBus.VIRTIO
    device = "disk" if bus in (DiskBus.VIRTIO, DiskBus.SCSI) else "cdrom"
    return DiskSpec(path=path, format="raw", device=device, bus=bus.value, is_readonly=True)


def _define(work: _Work, disks: tuple[DiskSpec, ...], medium: VolumeInfo | None) -> DomainRecord:
    """Define under the guest's own name, or with a suffix where the host has that name already."""
    vm = work.vm
    jobs.made(work.job, "domain", str(vm.host_id), str(vm.domain_uuid))
    for name in names.candidates(vm.name):
        try:
            return domains.define(work.host, _spec(work, name, disks, medium))
        except NameTaken:
            continue
    raise NameTaken(name=vm.name)


def _spec(
    work: _Work, libvirt_name: str, disks: tuple[DiskSpec, ...], medium: VolumeInfo | None
) -> VmSpec:
    vm, facts, blueprint = work.vm, work.vm.host.facts, work.blueprint
    is_installed = blueprint.source is SourceKind.ISO and medium is not None
    return VmSpec(
        uuid=str(vm.domain_uuid),
        name=libvirt_name,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        accelerator=Accelerator(facts.get("accelerator") or Accelerator.QEMU),
        disks=disks,
        nics=_nics(work),
        metadata=metadata(vm),
        arch=str(facts.get("arch") or "x86_64"),
        description=vm.description,
        cdrom_path=medium.path if is_installed and medium else "",
        hardware=_hardware(work),
    )


def _hardware(work: _Work) -> Hardware:
    """Leave out a topology that no longer makes the number of processors that was asked for."""
    hardware = work.blueprint.hardware
    topology = hardware.topology
    if topology is not None and topology.vcpus != work.vm.vcpus:
        return replace(hardware, topology=None)
    return hardware


def _nics(work: _Work) -> tuple[NicSpec, ...]:
    """Give the interfaces; one to boot from comes after the disk, which is blank at first."""
    blueprint, chosen = work.blueprint, work.params.network_name
    if chosen is not None:
        blueprint = with_first_network(blueprint, chosen)
    first = 2 if blueprint.disks else 1
    is_booted = blueprint.source is SourceKind.NETWORK
    told = work.told
    macs = [nic.mac for nic in cloud.settings_of(told).nics] if told else []
    return tuple(
        NicSpec(
            network=nic.network,
            model=nic.model.value,
            mac=macs[index] if index < len(macs) else "",
            boot_order=first if is_booted and index == 0 else None,
        )
        for index, nic in enumerate(blueprint.nics)
    )


def metadata(vm: VM) -> VmMetadata:
    """What the domain says about itself, so that a lost database can be rebuilt."""
    return VmMetadata(
        name=vm.name,
        owner=vm.owner.username if vm.owner else "",
        template=vm.template_name,
        installation=installation_id(),
        tags=tuple(vm.tags),
        lease=_end(vm),
    )


def _end(vm: VM) -> str:
    lease = Lease.objects.filter(vm=vm).first()
    return lease.expires_at.astimezone(UTC).isoformat() if lease else ""


def _settle(work: _Work, record: DomainRecord) -> None:
    with transaction.atomic():
        VM.objects.filter(pk=work.vm.pk).update(is_creating=False)
    sync.observe_domain(work.vm.host, record)
