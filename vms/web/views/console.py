"""The console page and the ticket that its websocket presents."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix
from django.views.decorators.http import require_POST, require_safe

from vms import messages, selectors
from vms.policy import Action, Person
from vms.problems import Refused
from vms.services import consoles
from vms.web.consolepage import console_context
from vms.web.door import door
from vms.web.guestpage import guest_context


@require_safe
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the console; the script asks for a ticket and connects."""
    guest = selectors.vm(actor, vm_id, Action.VM_CONSOLE_VIEW)
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
            device=_number(request.POST.get("device", "0")),
        )
    except Refused as problem:
        answer = {"code": problem.code, "detail": messages.sentence(problem)}
        return JsonResponse(answer, status=409)
    connection = {
        "url": f"{get_script_prefix()}ws/console/{vm_id}",
        "protocols": ["binary", f"ticket.{issued.secret}"],
        "expires_at": issued.expires_at.isoformat(),
    }
    return JsonResponse(connection, status=201)


def _number(text: str) -> int:
    """Read the number of a serial device; what is none is one that no guest has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else -1
