"""Templates, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas.common import Page, Ref
from vms.hypervisor.blueprint import CloudPlan, DiskPlan, NicPlan, SourceKind
from vms.hypervisor.hardware import Hardware


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


class TemplatePage(Page):
    """Templates."""

    items: list[TemplateInfo]
