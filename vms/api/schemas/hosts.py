"""Hosts and their networks, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas.common import Page
from vms.api.schemas.storage import PoolInfo
from vms.hypervisor.types import Accelerator
from vms.models import HostStatus


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


class HostDetail(HostSummary):
    """A host with its pools and networks."""

    pools: list[PoolInfo]
    networks: list[NetworkInfo]


class HostPage(Page):
    """Hosts."""

    items: list[HostSummary]
