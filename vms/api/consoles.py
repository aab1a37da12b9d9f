"""Who is at the consoles of a guest, and links that let somebody without an account in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router, Status
from pydantic import BaseModel, Field

from vms import selectors
from vms.api.auth import actor_of
from vms.api.inputs import LinkCreate
from vms.api.once import ONCE, once
from vms.models import ConsoleLink
from vms.policy import Action
from vms.problems import Forbidden
from vms.services import links, seats

router = Router(tags=["vms"])


class ConsoleLinkInfo(BaseModel):
    """A link to a console."""

    id: UUID
    name: str
    kind: str
    device: int
    mode: str
    has_passphrase: bool
    created_at: datetime
    expires_at: datetime
    uses: int
    uses_left: int | None
    last_used_at: datetime | None
    last_address: str
    is_alive: bool = Field(description="Neither expired nor revoked.")


class NewConsoleLink(ConsoleLinkInfo):
    """A link that was just made."""

    url: str = Field(description="Shown only now; the secret stands after the #.")


class ConsoleSeat(BaseModel):
    """A console that is open."""

    id: UUID
    name: str
    kind: str
    device: int
    has_control: bool
    asks: bool = Field(description="Asks for control.")
    is_guest: bool = Field(description="Came by a link.")


def _info(link: ConsoleLink) -> ConsoleLinkInfo:
    return ConsoleLinkInfo(
        id=link.pk,
        name=link.name,
        kind=link.kind,
        device=link.device,
        mode=link.mode,
        has_passphrase=bool(link.passphrase_hash),
        created_at=link.created_at,
        expires_at=link.expires_at,
        uses=link.uses,
        uses_left=link.uses_left,
        last_used_at=link.last_used_at,
        last_address=link.last_address,
        is_alive=link.is_alive,
    )


@router.get(
    "/{vm_id}/consoles",
    response=list[ConsoleSeat],
    operation_id="list_consoles",
    summary="Who is at the consoles",
)
def list_consoles(request: HttpRequest, vm_id: UUID) -> list[ConsoleSeat]:
    """List the consoles of a guest that are open, in all processes of the site."""
    actor = actor_of(request)
    return [
        ConsoleSeat(
            id=UUID(each.seat_id),
            name=each.name,
            kind=each.kind,
            device=each.device,
            has_control=each.has_control,
            asks=each.asks,
            is_guest=each.is_guest,
        )
        for each in seats.at(actor=actor, vm=selectors.vm(actor, vm_id))
    ]


@router.get(
    "/{vm_id}/console-links",
    response=list[ConsoleLinkInfo],
    operation_id="list_console_links",
    summary="List the links to its consoles",
)
def list_console_links(request: HttpRequest, vm_id: UUID) -> list[ConsoleLinkInfo]:
    """List links that let somebody without an account open a console; ended ones are among them."""
    actor = actor_of(request)
    vm = selectors.vm(actor, vm_id)
    if not links.can_look(actor, vm):
        raise Forbidden("forbidden", action=Action.LINK_VIEW.value)
    return [_info(link) for link in selectors.console_links(actor, vm)]


@router.post(
    "/{vm_id}/console-links",
    response={201: NewConsoleLink},
    operation_id="make_console_link",
    summary="Make a link to a console",
    openapi_extra=ONCE,
)
def make_console_link(
    request: HttpRequest, vm_id: UUID, data: LinkCreate, response: HttpResponse
) -> Status[NewConsoleLink]:
    """Make a link. Its address is shown only now; only a hash of its secret is kept."""
    wish = links.LinkWish(
        name=data.name,
        expires_at=data.expires_at,
        mode=data.mode,
        kind=data.kind,
        device=data.device,
        uses=data.uses,
        passphrase=data.passphrase.get_secret_value(),
    )

    def make() -> tuple[int, NewConsoleLink, str]:
        link, secret = links.create(actor=actor_of(request), vm_id=vm_id, wish=wish)
        url = f"{request.build_absolute_uri(reverse('visit'))}#{secret}"
        return 201, NewConsoleLink(**_info(link).model_dump(), url=url), ""

    return once(request, response, NewConsoleLink, make)


@router.delete(
    "/{vm_id}/console-links/{link_id}",
    response={204: None},
    operation_id="revoke_console_link",
    summary="Revoke a link",
)
def revoke_console_link(request: HttpRequest, vm_id: UUID, link_id: UUID) -> Status[None]:
    """End a link at once, with the consoles that are open by it."""
    actor = actor_of(request)
    selectors.vm(actor, vm_id, Action.VM_SHARE)
    links.revoke(actor=actor, link_id=link_id)
    return Status(204, None)
