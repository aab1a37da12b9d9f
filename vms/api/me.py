"""Who is asking."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from vms.api.auth import actor_of
from vms.api.schemas import Me
from vms.models import Role

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
