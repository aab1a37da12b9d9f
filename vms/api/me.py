"""Who is asking."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from vms.api.auth import actor_of
from vms.api.schemas import Me, NoticeInfo
from vms.models import Role
from vms.services import notices

router = Router(tags=["me"])


@router.get("", response=Me, operation_id="get_me", summary="Who am I")
def get_me(request: HttpRequest) -> Me:
    """Say who is asking, with which role, and by session or token."""
    actor = actor_of(request)
    return Me(
        id=actor.user.pk,
        username=actor.user.username,
        full_name=actor.user.get_full_name(),
        role=Role(actor.user.role),
        auth="token" if actor.token else "session",
        token_name=actor.token.name if actor.token else None,
    )


@router.get(
    "/notices", response=list[NoticeInfo], operation_id="list_notices", summary="List my notices"
)
def list_notices(request: HttpRequest) -> list[NoticeInfo]:
    """List your newest notices: a job of yours failed, something was shared with you."""
    lines = notices.latest(actor=actor_of(request))
    return [NoticeInfo.model_validate(line, from_attributes=True) for line in lines]


@router.post(
    "/notices/read",
    response={204: None},
    operation_id="read_notices",
    summary="Mark my notices as read",
)
def read_notices(request: HttpRequest) -> Status[None]:
    """Mark all your notices as read."""
    notices.mark_all_read(actor=actor_of(request))
    return Status(204, None)
