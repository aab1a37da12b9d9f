"""What the JSON API answers: these types are the contract, and OpenAPI is made from them.

Ids are UUIDs, sizes carry their unit in the name, times are aware.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.quotaschemas import LeaseInfo
from vms.hypervisor.blueprint import CloudPlan, DiskPlan, NicPlan, SourceKind
from vms.hypervisor.hardware import Hardware
from vms.hypervisor.types import Accelerator, Verb, VmState
from vms.models import HostStatus, JobState, Role, VmRole
from vms.services.bulk import Outcome
from vms.services.series import Span


class Problem(BaseModel):
    """Why a request was not done, as application/problem+json (RFC 9457)."""

    type: str = Field(description="urn:kvmweb:problem: and the code.")
    title: str = Field(description="What the status means.")
    status: int
    code: str = Field(description="Stable word for programs.")
    detail: str = Field(description="A sentence for people.")
    fields: dict[str, str] | None = Field(
        None, description="Where the input is wrong, and why; only for wrong input."
    )


class Ref(BaseModel):
    """Something else, by id and name."""

    id: UUID
    name: str


class TemplateRef(BaseModel):
    """The template a guest was made from; `id` is null when it is gone."""

    id: UUID | None
    name: str


class VerbInfo(BaseModel):
    """A power verb, and whether the state allows it."""

    verb: Verb
    label: str
    is_allowed: bool
    code: str = Field(description="Stable word for why not; empty when allowed.")
    reason: str = Field(description="Why not; empty when allowed.")


class NumbersInfo(BaseModel):
    """The latest numbers of a running guest; null where the host does not say."""

    cpu_percent: float | None
    memory_used_mib: float | None
    memory_total_mib: float | None
    memory_source: str = Field(description="What used memory counts: balloon or rss.")
    disk_read_bps: float | None = Field(description="Bytes per second.")
    disk_write_bps: float | None = Field(description="Bytes per second.")
    net_rx_bps: float | None = Field(description="Bytes per second.")
    net_tx_bps: float | None = Field(description="Bytes per second.")


class JobInfo(BaseModel):
    """Work that takes time."""

    id: UUID
    kind: str = Field(description="Stable word: create-vm, delete-vm ...")
    kind_label: str
    state: JobState
    vm_id: UUID | None = Field(description="The guest it is about; stays when the guest is gone.")
    target_kind: str = Field(description="vm, volume, pool ...: what it is about.")
    target_id: UUID | None
    target_name: str
    actor: Ref | None
    step: str = Field(description="Code of the step under way.")
    step_label: str
    percent: int
    bytes_done: int | None = Field(description="Null while it moves none that are counted.")
    bytes_total: int | None
    is_cleaned_up: bool = Field(description="Nothing half-made of it is left on the host.")
    can_repeat: bool = Field(description="It did not end well and can be tried again.")
    is_cancel_requested: bool
    error_code: str
    error: str = Field(description="Why it failed, as a sentence; empty otherwise.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class VmSummary(BaseModel):
    """A guest as in lists."""

    id: UUID
    name: str
    libvirt_name: str
    domain_uuid: UUID
    host: Ref
    owner: Ref | None
    template: TemplateRef | None
    state: VmState
    state_reason: str
    description: str
    vcpus: int
    memory_mib: int
    addresses: list[str]
    tags: list[str]
    has_vnc: bool
    has_autostart: bool
    is_persistent: bool
    is_creating: bool
    is_readable: bool = Field(description="False when its XML could not be understood.")
    revision: int
    created_at: datetime
    my_role: VmRole | None
    """What you are on it by ownership or shares; null for who sees it by his role on the site."""
    lease: LeaseInfo | None = Field(description="Null for a guest without an end.")
    verbs: list[VerbInfo]
    numbers: NumbersInfo | None
    job: JobInfo | None = Field(description="The job under way, if any.")


class DiskInfo(BaseModel):
    """A disk or drive of a guest."""

    target: str
    device: str
    bus: str
    source: str = Field(description="Path on the host; empty for an empty drive.")
    format: str
    is_readonly: bool
    boot_order: int | None


class NicInfo(BaseModel):
    """A network interface of a guest."""

    mac: str
    kind: str
    source: str
    model: str
    target: str
    boot_order: int | None


class Vm(VmSummary):
    """A guest with its devices."""

    machine: str
    arch: str
    type: str = Field(description="kvm, qemu or test.")
    disks: list[DiskInfo]
    nics: list[NicInfo]
    boot: list[str] = Field(description="Disk targets and MAC addresses in boot order.")


class DeletableDiskInfo(BaseModel):
    """A disk of a guest, and whether its file may go with the guest."""

    target: str
    path: str
    pool: str
    volume: str
    size_bytes: int
    can_delete: bool
    reason: str = Field(description="Why not; empty when it may.")


class BulkResult(BaseModel):
    """What came of it for one of many guests."""

    vm_id: UUID
    name: str = Field(description="Empty where there is no such guest for you.")
    outcome: Outcome = Field(
        description="done; started: it goes on by itself; refused; failed; not-tried."
    )
    code: str = Field(description="Stable word for why not; empty when it was done.")
    detail: str = Field(description="Why not, as a sentence; empty when it was done.")


class VmWithJob(BaseModel):
    """A guest under way, and the job that makes it."""

    vm: Vm
    job: JobInfo


class ConsoleTicket(BaseModel):
    """Everything needed to open a console once, before `expires_at`."""

    url: str = Field(description="Absolute websocket address.")
    protocols: list[str] = Field(description="Websocket subprotocols; one is the ticket.")
    expires_at: datetime
    kind: str
    mode: str


class ImageRef(BaseModel):
    """The volume of a template; `id` is null when it is gone, names are empty without one."""

    id: UUID | None
    pool: str
    name: str


class TemplateInfo(BaseModel):
    """What a guest can be made from."""

    id: UUID
    name: str
    description: str
    os_name: str
    host: Ref
    image: ImageRef
    vcpus: int
    memory_mib: int
    disk_bytes: int
    network_name: str
    has_cloud_init: bool
    default_user: str
    version: int = Field(description="Grows with each change.")
    source: SourceKind
    hardware: Hardware
    disks: list[DiskPlan]
    nics: list[NicPlan]
    cloud_init: CloudPlan
    is_valid: bool
    reason: str = Field(description="Why guests cannot be made from it; empty when they can.")
    created_at: datetime
    updated_at: datetime


class HostLoadInfo(BaseModel):
    """Load of a host; null where it cannot say."""

    cpu_percent: float | None
    memory_used_mib: int | None
    memory_total_mib: int | None


class HostSummary(BaseModel):
    """A libvirt host. What it is is null until it was reached once."""

    id: UUID
    name: str
    uri: str
    status: HostStatus
    status_since: datetime | None
    status_reason: str = Field(description="Why it is away, as a sentence.")
    hostname: str | None
    arch: str | None
    cpu_model: str | None
    cpus: int | None
    memory_mib: int | None
    driver: str | None
    libvirt_version: str | None
    hypervisor_version: str | None
    accelerator: Accelerator | None
    accelerator_reason: str
    load: HostLoadInfo | None


class NetworkInfo(BaseModel):
    """A virtual network of a host."""

    id: UUID
    name: str
    is_active: bool
    bridge: str
    forward: str


class PoolInfo(BaseModel):
    """A storage pool of a host."""

    id: UUID
    host: Ref
    name: str
    kind: str
    state: str
    is_active: bool
    has_autostart: bool
    capacity_bytes: int
    allocation_bytes: int
    available_bytes: int
    promised_bytes: int = Field(description="What all its volumes together may grow to.")
    volume_count: int
    path: str


class HostDetail(HostSummary):
    """A host with its pools and networks."""

    pools: list[PoolInfo]
    networks: list[NetworkInfo]


class SeriesInfo(BaseModel):
    """Averages over even periods, in columns of one length; null where nothing was measured."""

    span: Span
    step_s: int = Field(description="Length of a period in seconds.")
    at_s: list[int] = Field(
        description="Begin of each period in seconds since 1970; now is in the last one."
    )
    cpu_percent: list[float | None] = Field(description="All processors together are 100.")
    memory_used_mib: list[float | None]
    memory_total_mib: list[float | None]
    disk_read_bps: list[float | None] = Field(description="Bytes per second, as are the rest.")
    disk_write_bps: list[float | None]
    net_rx_bps: list[float | None]
    net_tx_bps: list[float | None]


class ImageInfo(BaseModel):
    """A volume that a template can be made from, or an ISO."""

    id: UUID
    name: str
    kind: Literal["disk", "iso"]
    host: Ref
    pool: Ref
    format: str
    capacity_bytes: int
    allocation_bytes: int


class Me(BaseModel):
    """Who is asking, and how."""

    id: UUID
    username: str
    full_name: str
    role: Role
    auth: Literal["session", "token"]
    token_name: str | None


class NoticeInfo(BaseModel):
    """Something that you should hear of; `vm_id` is "" where it is about no guest."""

    id: UUID
    kind: Literal["job-failed", "lease-ends", "shared", "quota", "registered"]
    text: str
    vm_id: str
    at: datetime
    is_read: bool


class Page(BaseModel):
    """A part of a list; `total` counts the whole."""

    total: int
    limit: int
    offset: int


class VmPage(Page):
    """Guests."""

    items: list[VmSummary]


class TemplatePage(Page):
    """Templates."""

    items: list[TemplateInfo]


class HostPage(Page):
    """Hosts."""

    items: list[HostSummary]


class PoolPage(Page):
    """Pools."""

    items: list[PoolInfo]


class ImagePage(Page):
    """Images."""

    items: list[ImageInfo]


class JobPage(Page):
    """Jobs."""

    items: list[JobInfo]
