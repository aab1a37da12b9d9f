"""What the JSON API answers about groups of people and shares of guests."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from vms.api.schemas.common import Page, Ref
from vms.models import VmRole


class ShareInfo(BaseModel):
    """A guest shared with a person or with a group."""

    id: UUID
    user: Ref | None
    group: Ref | None
    role: VmRole
    created_at: datetime


class GroupInfo(BaseModel):
    """Some people with whom guests are shared at once."""

    id: UUID
    name: str
    description: str
    member_count: int
    share_count: int


class Member(BaseModel):
    """Somebody in a group."""

    user: Ref
    is_manager: bool


class SharePage(Page):
    """With whom a guest is shared."""

    items: list[ShareInfo]


class GroupPage(Page):
    """Groups."""

    items: list[GroupInfo]


class MemberPage(Page):
    """People in a group."""

    items: list[Member]
