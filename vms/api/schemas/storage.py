"""What the JSON API answers about pools, volumes and the disks of guests."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas.common import Page, Ref
from vms.services.uses import UseKind


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


class PoolPage(Page):
    """Pools."""

    items: list[PoolInfo]


class VolumeUse(BaseModel):
    """Something that needs a volume."""

    kind: UseKind
    id: str = Field(description="Of the guest, the template or the pool of the overlay.")
    name: str
    label: str


class VolumeInfo(BaseModel):
    """A volume of a pool, as last seen."""

    id: UUID
    pool: Ref
    name: str
    path: str
    format: str
    capacity_bytes: int
    allocation_bytes: int
    backing_path: str
    uses: list[VolumeUse] = Field(description="While there is any it is neither deleted nor wiped.")


class GuestDiskInfo(BaseModel):
    """A disk of a guest and how large it is."""

    target: str
    device: str
    bus: str
    format: str
    name: str
    pool: str
    is_readonly: bool
    capacity_bytes: int | None
    allocation_bytes: int | None
    can_grow: bool


class VolumePage(Page):
    """Volumes."""

    items: list[VolumeInfo]
