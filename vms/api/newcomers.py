"""People who come: by a list, or by invitation. For administrators."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router, Status

from vms import messages
from vms.api.auth import actor_of
from vms.api.once import ONCE, once
from vms.api.represent import person
from vms.api.schemas.common import Ref
from vms.api.schemas.people import (
    InvitationCreate,
    InvitationInfo,
    NewInvitation,
    Roster,
    RosterLine,
    RosterMade,
    RosterResult,
)
from vms.models import Invitation, Role
from vms.services import invitations, rosters

roster = Router(tags=["people"])
router = Router(tags=["people"])


@roster.post(
    "/list/check",
    response=list[RosterLine],
    operation_id="check_people",
    summary="Check a list of people",
)
def check_people(request: HttpRequest, data: Roster) -> list[RosterLine]:
    """Read a CSV text and say of each line what is wrong. Nothing is made."""
    lines = rosters.check(actor=actor_of(request), text=data.text)
    return [
        RosterLine(
            number=line.number,
            values=line.values,
            problems={name: messages.sentence(why) for name, why in line.problems.items()},
        )
        for line in lines
    ]


@roster.post(
    "/list",
    response={201: RosterResult},
    operation_id="add_people",
    summary="Add a list of people",
    openapi_extra=ONCE,
)
def add_people(request: HttpRequest, data: Roster, response: HttpResponse) -> Status[RosterResult]:
    """Make the accounts of a CSV text, all or none; passwords are shown only now."""

    def make() -> tuple[int, RosterResult, str]:
        made = rosters.add_all(actor=actor_of(request), text=data.text)
        return 201, RosterResult(made=[RosterMade(**asdict(each)) for each in made]), ""

    return once(request, response, RosterResult, make)


def _info(row: Invitation) -> InvitationInfo:
    return InvitationInfo(
        id=row.pk,
        role=Role(row.role),
        group=Ref(id=row.group.pk, name=row.group.name) if row.group else None,
        email=row.email,
        created_by=person(row.created_by),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


@router.get(
    "",
    response=list[InvitationInfo],
    operation_id="list_invitations",
    summary="List invitations",
)
def list_invitations(request: HttpRequest) -> list[InvitationInfo]:
    """List the invitations that still open something, newest first."""
    return [_info(row) for row in invitations.open_ones(actor=actor_of(request))]


@router.post(
    "",
    response={201: NewInvitation},
    operation_id="invite",
    summary="Invite somebody",
    openapi_extra=ONCE,
)
def invite(
    request: HttpRequest, data: InvitationCreate, response: HttpResponse
) -> Status[NewInvitation]:
    """Make a link by which somebody makes his own account, once; mailed where an address is given.

    The link is shown only now.
    """

    def make() -> tuple[int, NewInvitation, str]:
        row, secret = invitations.invite(actor=actor_of(request), **data.model_dump())
        url = request.build_absolute_uri(reverse("join", args=[secret]))
        sent = invitations.deliver(invitation=row, url=url)
        return 201, NewInvitation(**_info(row).model_dump(), url=url, mail=sent), ""

    return once(request, response, NewInvitation, make)


@router.delete(
    "/{invitation_id}",
    response={204: None},
    operation_id="revoke_invitation",
    summary="Withdraw an invitation",
)
def revoke_invitation(request: HttpRequest, invitation_id: UUID) -> Status[None]:
    """Make its link worth nothing."""
    invitations.revoke(actor=actor_of(request), invitation_id=invitation_id)
    return Status(204, None)
