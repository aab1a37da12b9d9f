"""Who is asking."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from vms.api.auth import actor_of
from vms.api.inputs import MeChange
from vms.api.once import MATCH, require_match, tag_of
from vms.api.schemas.me import Me, NoticeInfo
from vms.models import Role
from vms.policy import Person
from vms.services import account, notices

router = Router(tags=["me"])


@router.get("", response=Me, operation_id="get_me", summary="Who am I")
def get_me(request: HttpRequest, response: HttpResponse) -> Me:
    """Say who is asking, with which role, and by session or token."""
    actor = actor_of(request)
    response["ETag"] = _tag(actor)
    return Me(
        id=actor.user.pk,
        username=actor.user.username,
        full_name=actor.user.get_full_name(),
        role=Role(actor.user.role),
        language=actor.user.language,
        auth="token" if actor.token else "session",
        token_name=actor.token.name if actor.token else None,
    )


def _tag(actor: Person) -> str:
    return tag_of(actor.user.get_full_name(), actor.user.language)


@router.patch(
    "", response=Me, operation_id="change_me", summary="Change my account", openapi_extra=MATCH
)
def change_me(request: HttpRequest, data: MeChange, response: HttpResponse) -> Me:
    """Change your full name, empty takes it away, or the language of sentences."""
    actor = actor_of(request)
    require_match(request, lambda: _tag(actor))
    account.change(actor=actor, full_name=data.full_name, language=data.language)
    return get_me(request, response)


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
