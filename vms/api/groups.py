"""Groups of people: list, make, look at, change, delete; members and managers."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router, Status

from vms import circles
from vms.api import represent_people as represent
from vms.api.auth import actor_of
from vms.api.inputs import GroupChange, GroupWrite, MemberAdd, MemberChange, Paging
from vms.api.once import MATCH, ONCE, once, require_match, tag_of
from vms.api.paging import each, page
from vms.api.schemas.groups import GroupInfo, GroupPage, Member, MemberPage
from vms.models import Group, Membership
from vms.policy import Actor
from vms.problems import NotFound
from vms.services import groups

router = Router(tags=["groups"])


def _show(actor: Actor, group_id: UUID) -> GroupInfo:
    row = circles.group(actor, group_id)
    return represent.group(circles.counted_groups(actor).get(pk=row.pk))


@router.get("", response=GroupPage, operation_id="list_groups", summary="List groups")
def list_groups(request: HttpRequest, paging: Query[Paging]) -> GroupPage:
    """List the groups you are in; administrators and auditors see all."""
    rows = circles.counted_groups(actor_of(request))
    return page(GroupPage, rows, paging, each(represent.group))


def _tag(group: Group) -> str:
    """Make the entity tag of what can be edited of a group; its members are no part of that."""
    return tag_of(group.name, group.description)


def _tagged(actor: Actor, group_id: UUID, response: HttpResponse) -> GroupInfo:
    response["ETag"] = _tag(circles.group(actor, group_id))
    return _show(actor, group_id)


@router.post(
    "",
    response={201: GroupInfo},
    operation_id="create_group",
    summary="Make a group",
    openapi_extra=ONCE,
)
def create_group(
    request: HttpRequest, data: GroupWrite, response: HttpResponse
) -> Status[GroupInfo]:
    """Make a group without members. For administrators."""
    actor = actor_of(request)

    def make() -> tuple[int, GroupInfo, str]:
        made = groups.create(actor=actor, name=data.name, description=data.description)
        return 201, _show(actor, made.pk), reverse("api:get_group", kwargs={"group_id": made.pk})

    return once(request, response, GroupInfo, make)


@router.get("/{group_id}", response=GroupInfo, operation_id="get_group", summary="Look at a group")
def get_group(request: HttpRequest, group_id: UUID, response: HttpResponse) -> GroupInfo:
    """Show a group that you are in."""
    return _tagged(actor_of(request), group_id, response)


@router.patch(
    "/{group_id}",
    response=GroupInfo,
    operation_id="change_group",
    summary="Change a group",
    openapi_extra=MATCH,
)
def change_group(
    request: HttpRequest, group_id: UUID, data: GroupChange, response: HttpResponse
) -> GroupInfo:
    """Change name or description. For administrators."""
    actor = actor_of(request)
    row = circles.group(actor, group_id)
    require_match(request, lambda: _tag(row))
    now = {"name": row.name, "description": row.description}
    groups.edit(actor=actor, group_id=group_id, **(now | data.model_dump(exclude_none=True)))
    return _tagged(actor, group_id, response)


@router.delete(
    "/{group_id}", response={204: None}, operation_id="delete_group", summary="Delete a group"
)
def delete_group(request: HttpRequest, group_id: UUID) -> Status[None]:
    """Delete a group; what was shared with it is gone for its members. For administrators."""
    groups.delete(actor=actor_of(request), group_id=group_id)
    return Status(204, None)


@router.get(
    "/{group_id}/members", response=MemberPage, operation_id="list_members", summary="List members"
)
def list_members(request: HttpRequest, group_id: UUID, paging: Query[Paging]) -> MemberPage:
    """List who is in a group that you are in, managers first."""
    actor = actor_of(request)
    rows = circles.members(actor, circles.group(actor, group_id))
    return page(MemberPage, rows, paging, each(represent.member))


@router.post(
    "/{group_id}/members",
    response={201: Member},
    operation_id="add_member",
    summary="Add a member",
    openapi_extra=ONCE,
)
def add_member(
    request: HttpRequest, group_id: UUID, data: MemberAdd, response: HttpResponse
) -> Status[Member]:
    """Add somebody by the exact user name. For managers of the group; a manager is added by an
    administrator.
    """

    def make() -> tuple[int, Member, str]:
        made = groups.add_member(
            actor=actor_of(request),
            group_id=group_id,
            username=data.username,
            is_manager=data.is_manager,
        )
        parts = {"group_id": group_id, "user_id": made.user_id}
        return 201, represent.member(made), reverse("api:get_member", kwargs=parts)

    return once(request, response, Member, make)


def _member_tag(row: Membership) -> str:
    return tag_of(row.is_manager)


def _member(actor: Actor, group_id: UUID, user_id: UUID) -> Membership:
    row = circles.members(actor, circles.group(actor, group_id)).filter(user_id=user_id).first()
    if row is None:
        raise NotFound("user")
    return row


@router.get(
    "/{group_id}/members/{user_id}",
    response=Member,
    operation_id="get_member",
    summary="Look at a member",
)
def get_member(
    request: HttpRequest, group_id: UUID, user_id: UUID, response: HttpResponse
) -> Member:
    """Say whether a member of a group that you are in manages it."""
    row = _member(actor_of(request), group_id, user_id)
    response["ETag"] = _member_tag(row)
    return represent.member(row)


@router.patch(
    "/{group_id}/members/{user_id}",
    response=Member,
    operation_id="change_member",
    summary="Make a member manager",
    openapi_extra=MATCH,
)
def change_member(
    request: HttpRequest, group_id: UUID, user_id: UUID, data: MemberChange, response: HttpResponse
) -> Member:
    """Make a member manager of the group, or an ordinary one again. For administrators."""
    actor = actor_of(request)
    require_match(request, lambda: _member_tag(_member(actor, group_id, user_id)))
    changed = groups.set_manager(
        actor=actor, group_id=group_id, user_id=user_id, is_manager=data.is_manager
    )
    response["ETag"] = _member_tag(changed)
    return represent.member(changed)


@router.delete(
    "/{group_id}/members/{user_id}",
    response={204: None},
    operation_id="remove_member",
    summary="Remove a member",
)
def remove_member(request: HttpRequest, group_id: UUID, user_id: UUID) -> Status[None]:
    """Take somebody out of a group; a manager of it only as an administrator."""
    groups.remove_member(actor=actor_of(request), group_id=group_id, user_id=user_id)
    return Status(204, None)
