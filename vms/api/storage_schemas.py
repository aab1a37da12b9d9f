"""What the JSON API answers about volumes and the disks of guests."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas import Page, Ref
from vms.services.uses import UseKind


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
