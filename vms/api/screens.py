"""What hangs on a guest: its console, its CD drive, its XML and its picture."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from django.utils.cache import get_conditional_response
from ninja import Router, Status

from vms import selectors
from vms.api.auth import actor_of
from vms.api.inputs import ConsoleRequest, MediaInsert
from vms.api.once import MATCH
from vms.api.schemas.guests import ConsoleTicket, Vm
from vms.api.vms import require_same, show_tagged
from vms.policy import Action
from vms.services import consoles, editing, thumbnails

router = Router(tags=["vms"])


def _binary(media_type: str, description: str) -> dict[str, object]:
    content = {media_type: {"schema": {"type": "string", "contentMediaType": media_type}}}
    return {"responses": {200: {"description": description, "content": content}}}


def websocket_url(request: HttpRequest, path: str) -> str:
    """Make the absolute websocket address of `path` as the client reaches this site.

    Behind a proxy it is built on the public URL with the request's host, or the first one.
    """
    public = [urlsplit(url) for url in settings.KVMWEB.public_urls]
    if public:
        host = request.get_host()
        base = next((url for url in public if url.netloc == host), public[0])
        is_secure, site = base.scheme == "https", f"{base.netloc}{base.path}"
    else:
        prefix = get_script_prefix().rstrip("/")
        is_secure, site = request.is_secure(), f"{request.get_host()}{prefix}"
    return f"{'wss' if is_secure else 'ws'}://{site}/{path}"


@router.post(
    "/{vm_id}/console",
    response={201: ConsoleTicket},
    operation_id="open_console",
    summary="Get a ticket for the console",
)
def open_console(
    request: HttpRequest, vm_id: UUID, data: ConsoleRequest | None = None
) -> Status[ConsoleTicket]:
    """Get the address and subprotocols that open the console once, within half a minute."""
    wanted = data or ConsoleRequest()
    ticket = consoles.issue_ticket(
        actor=actor_of(request),
        vm_id=vm_id,
        kind=wanted.kind,
        mode=wanted.mode,
        device=wanted.device,
    )
    answer = ConsoleTicket(
        url=ticket.gateway_socket or websocket_url(request, f"ws/console/{ticket.vm.pk}"),
        protocols=["binary", f"ticket.{ticket.secret}"],
        expires_at=ticket.expires_at,
        kind=wanted.kind,
        mode=wanted.mode,
    )
    return Status(201, answer)


@router.put(
    "/{vm_id}/media",
    response=Vm,
    operation_id="insert_iso",
    summary="Insert an ISO",
    openapi_extra=MATCH,
)
def insert_iso(request: HttpRequest, vm_id: UUID, data: MediaInsert, response: HttpResponse) -> Vm:
    """Put an ISO into the CD drive, in place of the one that is there."""
    actor = actor_of(request)
    require_same(request, actor, vm_id, Action.VM_MEDIA)
    editing.insert_iso(actor=actor, vm_id=vm_id, image_id=data.image_id)
    return show_tagged(actor, vm_id, response)


@router.delete("/{vm_id}/media", response=Vm, operation_id="eject_iso", summary="Eject the ISO")
def eject_iso(request: HttpRequest, vm_id: UUID, response: HttpResponse) -> Vm:
    """Empty the CD drive."""
    actor = actor_of(request)
    editing.eject_iso(actor=actor, vm_id=vm_id)
    return show_tagged(actor, vm_id, response)


@router.get(
    "/{vm_id}/xml",
    operation_id="get_vm_xml",
    summary="Read the domain XML",
    openapi_extra=_binary("application/xml", "The XML as libvirt gave it, without secrets"),
)
def get_vm_xml(request: HttpRequest, vm_id: UUID) -> HttpResponse:
    """Read the XML as last seen: live while the guest runs, else what is defined."""
    xml = selectors.vm(actor_of(request), vm_id).xml
    return HttpResponse(xml, content_type="application/xml; charset=utf-8")


@router.get(
    "/{vm_id}/thumbnail",
    operation_id="get_vm_thumbnail",
    summary="See the screen, small",
    openapi_extra=_binary("image/webp", "A picture at most five seconds old"),
)
def get_vm_thumbnail(request: HttpRequest, vm_id: UUID) -> HttpResponseBase | None:
    """See a small picture of the screen; If-None-Match answers 304 while it is the same."""
    picture = thumbnails.thumbnail(actor=actor_of(request), vm_id=vm_id)
    headers = {"ETag": picture.etag, "Cache-Control": "private, no-cache"}
    response = HttpResponse(picture.data, content_type=picture.mime_type, headers=headers)
    return get_conditional_response(request, etag=picture.etag, response=response)
