"""What the JSON API answers about images and their catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas.common import Page, Ref
from vms.services.uses import UseKind


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


class ImagePage(Page):
    """Images."""

    items: list[ImageInfo]


class ImageUse(BaseModel):
    """Something that needs an image."""

    kind: UseKind
    id: str = Field(description="Of the guest or template, or of the pool of a volume.")
    name: str


class ImageProposal(BaseModel):
    """What a guest for the system of an image should be made of."""

    memory_mib: int
    vcpus: int
    disk_bytes: int
    disk_bus: str
    nic_model: str
    video_model: str
    needs_uefi: bool
    needs_tpm: bool


class ImageDetail(ImageInfo):
    """An image with where it came from and who uses it."""

    source: str = Field("", description="upload, url, catalogue, or empty when found in the pool.")
    origin: str = Field("", description="Name of the file, or the address.")
    checksum: str = Field("", description="Of the file as it came: algorithm, colon, digest.")
    is_verified: bool = Field(False, description="The checksum was published or given, and right.")
    os_id: str = Field("", description="Short id in the osinfo database.")
    os_name: str = ""
    arch: str = ""
    is_bootable: bool | None = Field(None, description="Of an ISO: whether it boots.")
    added_at: datetime | None = None
    is_being_made: bool
    uses: list[ImageUse]
    hidden_uses: int = Field(
        description="How many guests and templates use it that you may not see."
    )
    can_delete: bool
    reason: str = Field(description="Why it cannot be deleted; empty when it can.")
    proposal: ImageProposal


class CatalogueEntry(BaseModel):
    """An official cloud image."""

    id: str
    name: str
    arch: str
    url: str
    checksum_url: str
    os_id: str
    user: str
    memory_mib: int
    disk_bytes: int
    note: str
