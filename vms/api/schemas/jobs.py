"""Work that takes time, as the API answers it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from vms.api.schemas.common import Page, Ref
from vms.models import JobState


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


class JobPage(Page):
    """Jobs."""

    items: list[JobInfo]
