"""One guest: overview, XML, history, its menu and the picture of its screen."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from vms import circles, selectors
from vms.hypervisor.errors import HypervisorError
from vms.live import recent
from vms.policy import Action, Person, can
from vms.problems import Refused
from vms.services import disks, editing, power, thumbnails
from vms.web.door import door
from vms.web.forms.guests import DescriptionForm
from vms.web.guestpage import guest_context, guest_rights, history_lines
from vms.web.numbers import Gauges


@require_safe
@door
def overview(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show state, screen, numbers and devices."""
    guest = selectors.vm(actor, vm_id)
    context = guest_context(actor, guest, "overview")
    numbers = recent.latest(str(guest.pk)) if guest.is_active else None
    context |= {
        "details": editing.details(actor=actor, vm_id=vm_id),
        "disks": disks.of_guest(actor=actor, vm_id=vm_id),
        "can_edit": can(actor, Action.VM_EDIT, guest),
        "gauges": Gauges().of(numbers),
        "description_form": DescriptionForm(initial={"description": guest.description}),
        "own_share": circles.own_share(actor, guest),
    }
    return render(request, "guests/overview.html", context)


@require_safe
@door
def xml(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the definition as libvirt has it."""
    guest = selectors.vm(actor, vm_id)
    return render(request, "guests/xml.html", guest_context(actor, guest, "xml"))


@require_safe
@door
def history(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show what was done to the guest, and by whom."""
    guest = selectors.vm(actor, vm_id)
    lines = history_lines(selectors.vm_history(actor, guest, limit=100))
    context = guest_context(actor, guest, "history") | {"lines": lines}
    return render(request, "guests/history.html", context)


@require_safe
@door
def menu(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Give the Actions menu of a row, with each verb's reason where it is not allowed."""
    guest = selectors.vm(actor, vm_id)
    context = {
        "guest": guest,
        "verbs": power.verb_states(actor=actor, vm=guest),
        "rights": guest_rights(actor, guest),
    }
    return render(request, "guests/_menu.html", context)


@require_safe
@door
def thumbnail(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Give a small picture of the screen; nothing (204) while there is none to be had."""
    try:
        picture = thumbnails.thumbnail(actor=actor, vm_id=vm_id)
    except (Refused, HypervisorError):
        return HttpResponse(status=204)
    if request.headers.get("If-None-Match") == picture.etag:
        return HttpResponseNotModified(headers={"ETag": picture.etag})
    response = HttpResponse(
        picture.data, content_type=picture.mime_type, headers={"ETag": picture.etag}
    )
    patch_cache_control(response, private=True, max_age=4)
    return response
