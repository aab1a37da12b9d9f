"""The console page and the ticket that its websocket presents."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms import messages, selectors
from vms.policy import Action, Person
from vms.problems import Refused, TooMany
from vms.services import consoles, editing, seats
from vms.web.consolepage import console_context
from vms.web.door import done, door
from vms.web.guestpage import guest_context

MAX_ISOS = 40
"""In the menu of the CD drive; the settings list all."""


@require_safe
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the console; the script asks for a ticket and connects."""
    guest = selectors.vm(actor, vm_id, Action.VM_CONSOLE_VIEW)
    if guest.host.console_gateway_url:
        source = consoles.socket_origin(guest.host.console_gateway_url)
        request.connect_source = source  # type: ignore[attr-defined]  # kvmweb/middleware.py
    context = guest_context(actor, guest, "console") | console_context(actor, guest)
    return render(request, "guests/console.html", context)


@require_POST
@door
def ticket(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Issue a ticket: path of the websocket, its subprotocols and until when it is good."""
    try:
        issued = consoles.issue_ticket(
            actor=actor,
            vm_id=vm_id,
            kind=request.POST.get("kind", consoles.VNC),
            mode=request.POST.get("mode", consoles.CONTROL),
            device=device_number(request.POST.get("device", "0")),
            claims=request.POST.get("claims", "1") != "0",
        )
    except Refused as problem:
        answer = {"code": problem.code, "detail": messages.sentence(problem)}
        return JsonResponse(answer, status=409)
    except TooMany as problem:
        answer = {"code": problem.code, "detail": messages.sentence(problem)}
        return JsonResponse(answer, status=429, headers={"Retry-After": str(problem.wait_s)})
    connection = {
        "url": _address(issued),
        "protocols": ["binary", "seats", f"ticket.{issued.secret}"],
        "expires_at": issued.expires_at.isoformat(),
        "server": seats.SERVER,
    }
    return JsonResponse(connection, status=201)


@require_safe
@door
def media(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Give the menu of the CD drive: what is in it, and what could be."""
    guest = selectors.vm(actor, vm_id, Action.VM_MEDIA)
    domain = editing.details(actor=actor, vm_id=vm_id)
    context = {
        "guest": guest,
        "drives": [disk for disk in domain.disks if disk.device == "cdrom"],
        "isos": selectors.isos(actor, guest.host_id).order_by("name")[:MAX_ISOS],
    }
    return render(request, "guests/_console_cd.html", context)


@require_POST
@door
def open_up(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Let others at the consoles again that somebody has for himself."""
    seats.open_up(actor=actor, vm_id=vm_id)
    return done(request, _("The consoles are open to others again."), _console(vm_id))


def _console(vm_id: uuid.UUID) -> str:
    return reverse("guest-console", args=[vm_id])


def _address(issued: consoles.IssuedTicket) -> str:
    """Return where the websocket is: a path of the site, or the address at a gateway."""
    return issued.gateway_socket or f"{get_script_prefix()}ws/console/{issued.vm.pk}"


def device_number(text: str) -> int:
    """Read the number of a serial device; what is none is one that no guest has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else -1
