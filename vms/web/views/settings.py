"""Settings of a guest: description, configuration, CD, owner. One page with a form for each."""

from __future__ import annotations

import re
import uuid
from datetime import date

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms import messages, selectors
from vms.hypervisor.types import VmState
from vms.models import VM
from vms.models.host import SEED_NAME
from vms.policy import Action, Person, can
from vms.services import editing, leases, ownership, seeds
from vms.web.door import done, door, is_partial
from vms.web.forms.guests import ConfigForm, DescriptionForm, MediaForm, OwnerForm
from vms.web.forms.leases import LeaseForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.guestpage import guest_context


@require_safe
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the settings."""
    return _show(request, actor, selectors.vm(actor, vm_id, Action.VM_MEDIA))


def _config_form(actor: Person, guest: VM, **kwargs: object) -> ConfigForm:
    domain = editing.details(actor=actor, vm_id=guest.pk)
    return ConfigForm(guest=guest, devices=editing.boot_devices(domain), **kwargs)


def _media_form(actor: Person, guest: VM, **kwargs: object) -> MediaForm:
    return MediaForm(isos=selectors.isos(actor, guest.host_id), **kwargs)


def _owner_form(actor: Person, guest: VM, **kwargs: object) -> OwnerForm:
    first = {"owner": str(guest.owner_id or "")}
    people = selectors.people(actor).filter(is_active=True)
    return OwnerForm(people=people, initial=first, **kwargs)


def _show(
    request: HttpRequest, actor: Person, guest: VM, status: int = 200, **forms: Form
) -> HttpResponse:
    domain = editing.details(actor=actor, vm_id=guest.pk)
    is_off = guest.vm_state is VmState.OFF
    can_edit = can(actor, Action.VM_EDIT, guest)
    context = guest_context(actor, guest, "settings") | {
        "description_form": DescriptionForm(initial={"description": guest.description}),
        "config_form": _config_form(actor, guest),
        "media_form": _media_form(actor, guest),
        "owner_form": _owner_form(actor, guest),
        "lease_form": LeaseForm(initial={"until": _last_day(guest)}),
        "lease_limit": leases.furthest(actor=actor, vm=guest, now=timezone.now()),
        "drives": [
            disk
            for disk in domain.disks
            if disk.device == "cdrom" and not re.match(SEED_NAME, disk.source.rsplit("/", 1)[-1])
        ],
        "seed": seeds.state(actor=actor, vm_id=guest.pk) if can_edit else None,
        "can_make_template": can(actor, Action.TEMPLATE_CREATE),
        "config_reason": "" if is_off else messages.sentence_for("must-be-off"),
        "can_set_owner": can(actor, Action.VM_SET_OWNER, guest),
        **forms,
    }
    return render(request, "guests/settings.html", context, status=status)


def _last_day(guest: VM) -> date | None:
    lease = leases.of(guest)
    return timezone.localtime(lease.expires_at).date() if lease else None


@require_POST
@door
def lease(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Move the end of the guest."""
    guest = selectors.vm(actor, vm_id, Action.VM_EDIT)
    form = LeaseForm(request.POST)
    if form.is_valid():
        try:
            leases.set_end(actor=actor, vm_id=vm_id, until=form.end())
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("The end is moved."), _settings(vm_id))
    return _show(request, actor, guest, 422, lease_form=form)


@require_POST
@door
def description(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Set the description."""
    form = DescriptionForm(request.POST)
    if form.is_valid():
        try:
            editing.set_description(actor=actor, vm_id=vm_id, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("The description is saved."), _settings(vm_id))
    guest = selectors.vm(actor, vm_id, Action.VM_EDIT)
    return _show(request, actor, guest, 422, description_form=form)


@require_POST
@door
def config(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Change name, processors, memory and boot order."""
    guest = selectors.vm(actor, vm_id, Action.VM_EDIT)
    form = _config_form(actor, guest, data=request.POST)
    if form.is_valid():
        data = form.cleaned_data
        sizes = {"vcpus": data["vcpus"], "memory_mib": data["memory_mib"]}
        try:
            editing.change_config(
                actor=actor, vm_id=vm_id, name=data["name"], boot=form.boot(), **sizes
            )
        except SHOWN as problem:
            add_problems(form, problem, {"boot": "boot_0"})
        else:
            return done(request, _("The settings are saved."), _settings(vm_id))
    return _show(request, actor, guest, 422, config_form=form)


@require_POST
@door
def media(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Insert an ISO, or eject the one that is in."""
    guest = selectors.vm(actor, vm_id, Action.VM_MEDIA)
    if "eject" in request.POST:
        editing.eject_iso(actor=actor, vm_id=vm_id)
        return done(request, _("The CD is ejected."), _settings(vm_id))
    form = _media_form(actor, guest, data=request.POST)
    if form.is_valid():
        try:
            editing.insert_iso(actor=actor, vm_id=vm_id, image_id=form.cleaned_data["image"])
        except SHOWN as problem:
            if is_partial(request):
                raise
            add_problems(form, problem)
        else:
            return done(request, _("The CD is inserted."), _settings(vm_id))
    return _show(request, actor, guest, 422, media_form=form)


@require_POST
@door
def owner(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Give the guest to somebody."""
    guest = selectors.vm(actor, vm_id, Action.VM_SET_OWNER)
    form = _owner_form(actor, guest, data=request.POST)
    if form.is_valid():
        chosen = form.cleaned_data["owner"]
        try:
            ownership.set_owner(
                actor=actor, vm_id=vm_id, owner_id=uuid.UUID(chosen) if chosen else None
            )
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("The owner is set."), _settings(vm_id))
    return _show(request, actor, guest, 422, owner_form=form)


def _settings(vm_id: uuid.UUID) -> str:
    return reverse("guest-settings", args=[vm_id])
