"""Rows and values as the schemas of the API: one function per schema, no decisions, no host calls.

Rows come from vms/selectors.py with their relations loaded, so that a list costs no query per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from uuid import UUID

from vms import messages, standing
from vms.api.schemas.common import Ref
from vms.api.schemas.guests import (
    BulkResult,
    DeletableDiskInfo,
    DiskInfo,
    NicInfo,
    NumbersInfo,
    TemplateRef,
    VerbInfo,
    Vm,
    VmSummary,
)
from vms.api.schemas.hosts import HostDetail, HostLoadInfo, HostSummary, NetworkInfo
from vms.api.schemas.images import ImageInfo
from vms.api.schemas.jobs import JobInfo
from vms.api.schemas.quotas import LeaseInfo
from vms.api.schemas.storage import GuestDiskInfo, PoolInfo, VolumeInfo, VolumeUse
from vms.api.schemas.templates import ImageRef, TemplateInfo
from vms.hypervisor.types import Accelerator, Domain
from vms.live import recent
from vms.models import (
    VM,
    Host,
    HostStatus,
    Job,
    JobState,
    Lease,
    Network,
    Pool,
    Template,
    User,
    Volume,
)
from vms.policy import Person
from vms.services import bulk, busy, editing, health, job_kinds, power, templates, uses
from vms.services.deletion import DeletableDisk
from vms.services.disks import GuestDisk
from vms.services.power import VerbState
from vms.services.templates import TemplateStatus

_SUMMARY_COLUMNS = (
    "id",
    "name",
    "libvirt_name",
    "domain_uuid",
    "state_reason",
    "description",
    "vcpus",
    "memory_mib",
    "tags",
    "has_vnc",
    "has_autostart",
    "is_persistent",
    "is_creating",
    "is_readable",
    "revision",
    "created_at",
)


def ref(thing: Host | Pool) -> Ref:
    """Refer to a host or a pool."""
    return Ref(id=thing.pk, name=thing.name)


def person(user: User | None) -> Ref | None:
    """Refer to a user, if there is one."""
    return Ref(id=user.pk, name=user.username) if user else None


def _origin(vm: VM) -> TemplateRef | None:
    if vm.template is None and not vm.template_name:
        return None
    name = vm.template.name if vm.template else vm.template_name
    return TemplateRef(id=vm.template_id, name=name)


def _lease(vm: VM) -> LeaseInfo | None:
    lease: Lease | None = getattr(vm, "lease", None)
    if lease is None:
        return None
    return LeaseInfo(expires_at=lease.expires_at, deleted_at=lease.deleted_at)


def _numbers(vm: VM) -> NumbersInfo | None:
    latest = recent.latest(str(vm.pk)) if vm.is_active else None
    if latest is None:
        return None
    return NumbersInfo(
        cpu_percent=_tenths(latest.cpu_percent),
        memory_used_mib=_tenths(latest.memory_used_mib),
        memory_total_mib=_tenths(latest.memory_total_mib),
        memory_source=latest.memory_source,
        disk_read_bps=_tenths(latest.disk_read_bps),
        disk_write_bps=_tenths(latest.disk_write_bps),
        net_rx_bps=_tenths(latest.net_rx_bps),
        net_tx_bps=_tenths(latest.net_tx_bps),
    )


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _verb(state: VerbState) -> VerbInfo:
    """Show a verb; spelled out because asdict() would copy every string of a long list."""
    return VerbInfo(
        verb=state.verb,
        label=state.label,
        is_allowed=state.is_allowed,
        code=state.code,
        reason=state.reason,
    )


def vm_list(actor: Person) -> Callable[[list[VM]], list[VmSummary]]:
    """Make what shows many guests to somebody: his roles on all of them are read at once."""

    def show(rows: list[VM]) -> list[VmSummary]:
        standing.remember(actor.user, rows)
        return [vm_summary(vm, actor) for vm in rows]

    return show


def vm_summary(vm: VM, actor: Person) -> VmSummary:
    """Show a guest as in lists."""
    under_way = busy.open_job(vm)
    return VmSummary(
        **{column: getattr(vm, column) for column in _SUMMARY_COLUMNS},
        host=ref(vm.host),
        owner=person(vm.owner),
        template=_origin(vm),
        state=vm.vm_state,
        addresses=[str(address) for address in vm.addresses],
        my_role=standing.on(actor.user, vm).role,
        verbs=[_verb(state) for state in power.verb_states(actor=actor, vm=vm)],
        lease=_lease(vm),
        numbers=_numbers(vm),
        job=job(under_way) if under_way else None,
    )


def vm_detail(vm: VM, domain: Domain, actor: Person) -> Vm:
    """Show a guest with the devices of its XML."""
    return Vm(
        **vm_summary(vm, actor).model_dump(),
        machine=domain.machine,
        arch=domain.arch,
        type=domain.type,
        disks=[
            DiskInfo(
                target=disk.target,
                device=disk.device,
                bus=disk.bus,
                source=disk.source,
                format=disk.format,
                is_readonly=disk.is_readonly,
                boot_order=disk.boot_order,
            )
            for disk in domain.disks
        ],
        nics=[NicInfo(**asdict(nic)) for nic in domain.nics],
        boot=[device.key for device in editing.boot_devices(domain) if device.order is not None],
    )


def deletable(disk: DeletableDisk) -> DeletableDiskInfo:
    """Show whether a disk may go with its guest."""
    return DeletableDiskInfo(
        target=disk.target,
        path=disk.path,
        pool=disk.pool,
        volume=disk.volume,
        size_bytes=disk.size_bytes,
        can_delete=disk.can_delete,
        reason=disk.reason,
    )


def bulk_result(result: bulk.Result) -> BulkResult:
    """Show what came of it for one of many guests."""
    problem = result.problem
    return BulkResult(
        vm_id=UUID(result.vm_id),
        name=result.name,
        outcome=result.outcome,
        code=problem.code if problem else "",
        detail=messages.sentence(problem) if problem else "",
    )


def _job_error(row: Job) -> str:
    return messages.job_sentence(row.error_code, row.error_params, row.step)


def job(row: Job) -> JobInfo:
    """Show a job; its error is a sentence."""
    failed = bool(row.error_code)
    return JobInfo(
        id=row.pk,
        kind=row.kind,
        kind_label=messages.job_kind(row.kind),
        state=JobState(row.state),
        vm_id=row.vm_id or row.vm_uuid,
        target_kind=row.target_kind,
        target_id=row.target_id or row.vm_uuid,
        target_name=row.target_name,
        actor=person(row.actor),
        step=row.step,
        step_label=messages.step(row.step),
        percent=row.percent,
        bytes_done=row.bytes_done or None,
        bytes_total=row.bytes_total or None,
        is_cleaned_up=row.is_open or not row.undo,
        can_repeat=job_kinds.can_repeat(row),
        is_cancel_requested=row.is_cancel_requested,
        error_code=row.error_code,
        error=_job_error(row) if failed else "",
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def template(row: Template) -> TemplateInfo:
    """Show a template and whether guests can be made from it now."""
    return _template(row, templates.status(row))


def template_list(rows: list[Template]) -> list[TemplateInfo]:
    """Show many templates at the price of one."""
    statuses = templates.statuses(rows)
    return [_template(row, statuses[row.pk]) for row in rows]


def _template(row: Template, status: TemplateStatus) -> TemplateInfo:
    plan = row.plan
    return TemplateInfo(
        id=row.pk,
        name=row.name,
        description=row.description,
        os_name=row.os_name,
        host=ref(row.host),
        image=ImageRef(id=row.image_id, pool=row.pool_name, name=row.volume_name),
        vcpus=row.vcpus,
        memory_mib=row.memory_mib,
        disk_bytes=row.disk_bytes,
        network_name=row.network_name,
        has_cloud_init=row.has_cloud_init,
        default_user=row.default_user,
        version=row.number,
        source=plan.source,
        hardware=plan.hardware,
        disks=list(plan.disks),
        nics=list(plan.nics),
        cloud_init=plan.cloud,
        is_valid=status.is_valid,
        reason=status.reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def host_summary(row: Host) -> HostSummary:
    """Show a host: what was last read of it, and its latest load."""
    facts, load = row.facts, recent.host_load(str(row.pk))
    why = facts.get("accelerator_reason", "")
    is_away = row.status == HostStatus.AWAY
    reason = health.away_reason(row.status_code, row.status_detail) if is_away else ""
    kind = facts.get("accelerator")
    return HostSummary(
        id=row.pk,
        name=row.name,
        uri=row.uri,
        status=HostStatus(row.status),
        status_since=row.status_since,
        status_reason=reason,
        hostname=facts.get("hostname"),
        arch=facts.get("arch"),
        cpu_model=facts.get("cpu_model"),
        cpus=facts.get("cpus"),
        memory_mib=facts.get("memory_mib"),
        driver=facts.get("driver"),
        libvirt_version=facts.get("libvirt_version"),
        hypervisor_version=facts.get("hypervisor_version"),
        accelerator=Accelerator(kind) if kind else None,
        accelerator_reason=messages.accelerator_reason(why) if why else "",
        load=HostLoadInfo(**asdict(load)) if load else None,
    )


def host_detail(row: Host, pools: list[Pool], networks: list[Network]) -> HostDetail:
    """Show a host with its pools and networks."""
    return HostDetail(
        **host_summary(row).model_dump(),
        pools=[pool(one) for one in pools],
        networks=[network(one) for one in networks],
    )


def network(row: Network) -> NetworkInfo:
    """Show a virtual network."""
    return NetworkInfo(
        id=row.pk,
        name=row.name,
        is_active=row.is_active,
        bridge=row.bridge,
        forward=row.forward,
    )


def pool(row: Pool) -> PoolInfo:
    """Show a storage pool of `selectors.measured_pools`."""
    return PoolInfo(
        id=row.pk,
        host=ref(row.host),
        name=row.name,
        kind=row.kind,
        state=row.state,
        is_active=row.is_active,
        has_autostart=row.has_autostart,
        capacity_bytes=row.capacity_bytes,
        allocation_bytes=row.allocation_bytes,
        available_bytes=row.available_bytes,
        promised_bytes=row.promised_bytes,  # type: ignore[attr-defined]  # by the selector
        volume_count=row.volume_count,  # type: ignore[attr-defined]  # by the selector
        path=row.path,
    )


def volume(row: Volume, needed: Iterable[uses.Use]) -> VolumeInfo:
    """Show a volume and what needs it."""
    return VolumeInfo(
        id=row.pk,
        pool=ref(row.pool),
        name=row.name,
        path=row.path,
        format=row.format,
        capacity_bytes=row.capacity_bytes,
        allocation_bytes=row.allocation_bytes,
        backing_path=row.backing_path,
        uses=[
            VolumeUse(kind=use.kind, id=use.id, name=use.name, label=use.words) for use in needed
        ],
    )


def guest_disk(disk: GuestDisk) -> GuestDiskInfo:
    """Show a disk of a guest."""
    values = asdict(disk)
    del values["backing"]
    return GuestDiskInfo(**values)


def image(row: Volume) -> ImageInfo:
    """Show an image."""
    return ImageInfo(
        id=row.pk,
        name=row.name,
        kind="iso" if row.is_iso else "disk",
        host=ref(row.pool.host),
        pool=ref(row.pool),
        format=row.format,
        capacity_bytes=row.capacity_bytes,
        allocation_bytes=row.allocation_bytes,
    )
