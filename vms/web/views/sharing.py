"""With whom a guest is shared: list, add, change the role, remove."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms import circles, selectors
from vms.models import VM, VmRole
from vms.policy import Action, Person, can
from vms.problems import NotFound
from vms.services import sharing
from vms.web.door import done, door
from vms.web.forms.guests import ShareGroupForm, SharePersonForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.guestpage import guest_context


@require_safe
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show who else uses the guest."""
    return _show(request, actor, selectors.vm(actor, vm_id, Action.SHARE_VIEW))


def _show(
    request: HttpRequest,
    actor: Person,
    guest: VM,
    person_form: SharePersonForm | None = None,
    group_form: ShareGroupForm | None = None,
) -> HttpResponse:
    groups = list(circles.groups(actor))
    context = guest_context(actor, guest, "sharing") | {
        "shares": circles.shares(actor, guest),
        "roles": VmRole.choices,
        "person_form": person_form or SharePersonForm(),
        "group_form": group_form or ShareGroupForm(groups=groups),
        "groups": groups,
        "acquaintances": circles.acquaintances(actor)[:200],
    }
    status = 422 if person_form or group_form else 200
    return render(request, "guests/sharing.html", context, status=status)


@require_POST
@door
def with_person(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Share the guest with somebody."""
    guest = selectors.vm(actor, vm_id, Action.VM_SHARE)
    form = SharePersonForm(request.POST)
    if form.is_valid():
        try:
            made = sharing.share_with_person(actor=actor, vm_id=vm_id, **form.cleaned_data)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            name = made.user.username if made.user else ""
            text = _("Shared with “%(name)s”.") % {"name": name}
            return done(request, text, _page(vm_id))
    return _show(request, actor, guest, person_form=form)


@require_POST
@door
def with_group(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Share the guest with a group."""
    guest = selectors.vm(actor, vm_id, Action.VM_SHARE)
    form = ShareGroupForm(request.POST, groups=circles.groups(actor))
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = sharing.share_with_group(
                actor=actor, vm_id=vm_id, group_id=data["group"], role=data["role"]
            )
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            text = _("Shared with “%(name)s”.") % {"name": made.group}
            return done(request, text, _page(vm_id))
    return _show(request, actor, guest, group_form=form)


@require_POST
@door
def change_role(
    request: HttpRequest, actor: Person, vm_id: uuid.UUID, share_id: uuid.UUID
) -> HttpResponse:
    """Share at another role."""
    role = request.POST.get("role", "")
    sharing.change_role(actor=actor, vm_id=vm_id, share_id=share_id, role=role)
    return done(request, _("The role is changed."), _page(vm_id))


@require_POST
@door
def remove(
    request: HttpRequest, actor: Person, vm_id: uuid.UUID, share_id: uuid.UUID
) -> HttpResponse:
    """Take a share back, or leave a guest that was shared with oneself."""
    sharing.revoke(actor=actor, vm_id=vm_id, share_id=share_id)
    return done(request, _("No longer shared."), _after_removal(actor, vm_id))


def _after_removal(actor: Person, vm_id: uuid.UUID) -> str:
    """Where to go on: whoever left sees the guest no more."""
    try:
        guest = selectors.vm(actor, vm_id)
    except NotFound:
        return reverse("guests")
    return _page(vm_id) if can(actor, Action.SHARE_VIEW, guest) else reverse("guest", args=[vm_id])


def _page(vm_id: uuid.UUID) -> str:
    return reverse("guest-sharing", args=[vm_id])
