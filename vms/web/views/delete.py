"""Delete a guest: a page of its own, shown as a dialog where scripts run."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vms import selectors
from vms.models import VM
from vms.policy import Action, Person
from vms.problems import Invalid
from vms.services import busy, deletion
from vms.web.door import done, door, is_partial, problem_text


@dataclass(frozen=True, slots=True)
class DiskChoice:
    """A disk in the dialog; ticked at first when it was made with this guest."""

    disk: deletion.DeletableDisk
    is_own: bool
    is_ticked: bool


@require_http_methods(["GET", "HEAD", "POST"])
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Ask which disks go too, and delete."""
    guest = selectors.vm(actor, vm_id, Action.VM_DELETE)
    if request.method != "POST":
        return _show(request, actor, guest, None)
    chosen = frozenset(request.POST.getlist("disks"))
    try:
        deletion.delete(actor=actor, vm_id=vm_id, delete_disks=chosen)
    except Invalid as problem:
        return _show(request, actor, guest, chosen, problem_text(problem))
    response = done(request, _("“%(name)s” is being deleted.") % {"name": guest.name}, "guests")
    if not is_partial(request):
        return redirect("guests")
    if request.POST.get("from") == "guest":
        response["HX-Redirect"] = reverse("guests")
    return response


def _show(
    request: HttpRequest,
    actor: Person,
    guest: VM,
    chosen: frozenset[str] | None,
    error: str = "",
) -> HttpResponse:
    disks = deletion.disks(actor=actor, vm_id=guest.pk)
    whole_page = "" if is_partial(request) else "guest"
    context = {
        "guest": guest,
        "choices": [_choice(guest, disk, chosen) for disk in disks],
        "error": error,
        "blocker": busy.blocker(guest),
        "from": request.GET.get("from") or request.POST.get("from", whole_page),
    }
    template = "guests/_delete.html" if is_partial(request) else "guests/delete.html"
    return render(request, template, context, status=422 if error else 200)


def _choice(guest: VM, disk: deletion.DeletableDisk, chosen: frozenset[str] | None) -> DiskChoice:
    is_own = disk.can_delete and str(guest.domain_uuid) in disk.volume
    return DiskChoice(disk, is_own, is_own if chosen is None else disk.target in chosen)
