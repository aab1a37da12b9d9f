"""With whom a guest is shared."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router, Status

from vms import circles, selectors
from vms.api import represent_people as represent
from vms.api.auth import actor_of
from vms.api.inputs import Paging, ShareChange, ShareCreate
from vms.api.once import MATCH, ONCE, once, require_match, tag_of
from vms.api.paging import each, page
from vms.api.schemas.groups import ShareInfo, SharePage
from vms.models import Share
from vms.policy import Action, Actor
from vms.problems import Invalid, NotFound, Problem
from vms.services import sharing

router = Router(tags=["shares"])


@router.get(
    "/{vm_id}/shares",
    response=SharePage,
    operation_id="list_shares",
    summary="List with whom a guest is shared",
)
def list_shares(request: HttpRequest, vm_id: UUID, paging: Query[Paging]) -> SharePage:
    """List the shares of a guest, for those who set them."""
    actor = actor_of(request)
    guest = selectors.vm(actor, vm_id, Action.SHARE_VIEW)
    return page(SharePage, circles.shares(actor, guest), paging, each(represent.share))


@router.post(
    "/{vm_id}/shares",
    response={201: ShareInfo},
    operation_id="share_vm",
    summary="Share a guest",
    openapi_extra=ONCE,
)
def share_vm(
    request: HttpRequest, vm_id: UUID, data: ShareCreate, response: HttpResponse
) -> Status[ShareInfo]:
    """Share with a person, by the exact user name, or with a group that you are in."""

    def make() -> tuple[int, ShareInfo, str]:
        row = _share(actor_of(request), vm_id, data)
        parts = {"vm_id": vm_id, "share_id": row.pk}
        return 201, represent.share(row), reverse("api:get_share", kwargs=parts)

    return once(request, response, ShareInfo, make)


def _tag(row: Share) -> str:
    return tag_of(row.role)


def _one(actor: Actor, vm_id: UUID, share_id: UUID) -> Share:
    guest = selectors.vm(actor, vm_id, Action.SHARE_VIEW)
    row = circles.shares(actor, guest).filter(pk=share_id).first()
    if row is None:
        raise NotFound("share")
    return row


@router.get(
    "/{vm_id}/shares/{share_id}",
    response=ShareInfo,
    operation_id="get_share",
    summary="Look at a share",
)
def get_share(
    request: HttpRequest, vm_id: UUID, share_id: UUID, response: HttpResponse
) -> ShareInfo:
    """Show with whom a guest is shared, for those who set it."""
    row = _one(actor_of(request), vm_id, share_id)
    response["ETag"] = _tag(row)
    return represent.share(row)


def _share(actor: Actor, vm_id: UUID, data: ShareCreate) -> Share:
    if data.username is not None and data.group_id is None:
        return sharing.share_with_person(
            actor=actor, vm_id=vm_id, username=data.username, role=data.role
        )
    if data.group_id is not None and data.username is None:
        return sharing.share_with_group(
            actor=actor, vm_id=vm_id, group_id=data.group_id, role=data.role
        )
    selectors.vm(actor, vm_id, Action.VM_SHARE)  # who may not know of it hears of nothing else
    raise Invalid({"username": Problem("share-with-one")})


@router.patch(
    "/{vm_id}/shares/{share_id}",
    response=ShareInfo,
    operation_id="change_share",
    summary="Share at another role",
    openapi_extra=MATCH,
)
def change_share(
    request: HttpRequest, vm_id: UUID, share_id: UUID, data: ShareChange, response: HttpResponse
) -> ShareInfo:
    """Change the role; who loses control of an open console may watch on."""
    actor = actor_of(request)
    require_match(request, lambda: _tag(_one(actor, vm_id, share_id)))
    changed = sharing.change_role(actor=actor, vm_id=vm_id, share_id=share_id, role=data.role)
    response["ETag"] = _tag(changed)
    return represent.share(changed)


@router.delete(
    "/{vm_id}/shares/{share_id}",
    response={204: None},
    operation_id="unshare_vm",
    summary="Stop sharing a guest",
)
def unshare_vm(request: HttpRequest, vm_id: UUID, share_id: UUID) -> Status[None]:
    """Take a share back at once; your own you may give up."""
    sharing.revoke(actor=actor_of(request), vm_id=vm_id, share_id=share_id)
    return Status(204, None)
