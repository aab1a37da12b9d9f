"""A guest's disks: growing one."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vms import selectors
from vms.policy import Action, Person
from vms.problems import NotFound
from vms.services import disks
from vms.web.door import done, door
from vms.web.forms.fields import to_bytes, to_gib
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.storage import VOLUME_FIELDS, GrowForm


@require_http_methods(["GET", "HEAD", "POST"])
@door
def grow(request: HttpRequest, actor: Person, vm_id: uuid.UUID, target: str) -> HttpResponse:
    """Make a disk larger."""
    guest = selectors.vm(actor, vm_id, Action.VM_EDIT)
    found = [disk for disk in disks.of_guest(actor=actor, vm_id=vm_id) if disk.target == target]
    if not found or not found[0].can_grow:
        raise NotFound("disk")
    disk = found[0]
    initial = {"capacity_gib": to_gib(disk.capacity_bytes or 0)}
    form = GrowForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        size = to_bytes(form.cleaned_data["capacity_gib"])
        try:
            disks.grow(actor=actor, vm_id=vm_id, target=target, capacity_bytes=size)
        except SHOWN as problem:
            add_problems(form, problem, VOLUME_FIELDS)
        else:
            done(request, _("The disk “%(name)s” is larger now.") % {"name": target}, "guests")
            return redirect("guest", vm_id)
    context = {"guest": guest, "disk": disk, "form": form}
    return render(request, "guests/grow.html", context, status=422 if form.is_bound else 200)
