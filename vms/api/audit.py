"""The audit trail: reading only, for administrators. Its types stand here, beside their one use."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic import Field as OutField

from vms.api.auth import actor_of
from vms.api.inputs import MAX_BIGINT
from vms.models import AuditPhase
from vms.selectors import AuditFilter
from vms.services import activity
from vms.services.activity import Line

router = Router(tags=["audit"])
Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]


class AuditQuery(Schema):
    """Which lines."""

    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    before: int | None = Field(
        None, ge=0, le=MAX_BIGINT, description="Only lines older than this one: `older` of a page."
    )
    person: Text = Field("", description="Only what this user name did.")
    action: Text = Field("", description="Only this action, such as vm.create.")
    result: AuditPhase | None = Field(
        None, description="Only what ended so; requested: what is under way."
    )
    since: AwareDatetime | None = Field(None, description="From this moment on.")
    until: AwareDatetime | None = Field(None, description="Before this moment.")
    q: Text = Field(
        "", description="A part of the name of person or target, an id, an address or a command."
    )


class AuditLine(BaseModel):
    """What somebody wanted and what came of it."""

    id: int
    at: datetime = OutField(description="When it ended; when it was asked for while under way.")
    correlation: UUID
    person: str
    role: str
    door: str
    address: str
    action: str
    label: str = OutField(description="The action in words.")
    target_kind: str
    target_id: str
    target_name: str
    target_exists: bool
    result: AuditPhase
    code: str = OutField(description="Stable word for why not; empty when it was done.")
    reason: str = OutField(description="Why not, as a sentence; empty when it was done.")
    command: str = OutField(description="The virsh command that equals the action, if any.")


class AuditPage(BaseModel):
    """Some lines, newest first."""

    items: list[AuditLine]
    older: int | None = OutField(
        description="Send it as `before` for the next page; null: no more."
    )


@router.get("", response=AuditPage, operation_id="list_audit", summary="Read the audit trail")
def list_audit(request: HttpRequest, wanted: Query[AuditQuery]) -> AuditPage:
    """List what was done and refused, newest first. For administrators."""
    chosen = AuditFilter(
        person=wanted.person,
        action=wanted.action,
        phase=wanted.result or "",
        since=wanted.since,
        until=wanted.until,
        text=wanted.q,
    )
    part = activity.page(
        actor=actor_of(request), wanted=chosen, before=wanted.before, limit=wanted.limit
    )
    return AuditPage(items=[_line(line) for line in part.lines], older=part.older)


def _line(line: Line) -> AuditLine:
    return AuditLine(
        id=line.id,
        at=line.at,
        correlation=line.correlation,
        person=line.person,
        role=line.role,
        door=line.door,
        address=line.address,
        action=line.action,
        label=line.label,
        target_kind=line.target_kind,
        target_id=line.target_id,
        target_name=line.target_name,
        target_exists=line.has_target,
        result=line.phase,
        code=line.code,
        reason=line.reason,
        command=line.command,
    )
