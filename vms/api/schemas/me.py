"""Who is asking and what he should hear of, as the API answers it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from vms.models import Role


class Me(BaseModel):
    """Who is asking, and how."""

    id: UUID
    username: str
    full_name: str
    role: Role
    language: str = Field(description="Of sentences; empty: what Accept-Language asks for.")
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
