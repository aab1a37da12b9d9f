"""Guests, their devices and consoles, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas.common import Page, Ref
from vms.api.schemas.jobs import JobInfo
from vms.api.schemas.quotas import LeaseInfo
from vms.hypervisor.types import Verb, VmState
from vms.models import VmRole
from vms.services.bulk import Outcome


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


class VmPage(Page):
    """Guests."""

    items: list[VmSummary]
