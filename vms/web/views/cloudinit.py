"""What a guest is told by cloud-init: its page, and how the whole document would look."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from vms import messages, selectors
from vms.hypervisor.types import VmState
from vms.policy import Action, Person
from vms.problems import Problem
from vms.services import cloud, seeds
from vms.web.door import done, door
from vms.web.forms.cloud import CloudForm, initial_of
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.guestpage import guest_context

MAX_NICS = 8


@sensitive_post_parameters("password", "user_data")
@require_http_methods(["GET", "HEAD", "POST"])
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show what the guest is told, and change it for its next boot."""
    state = seeds.state(actor=actor, vm_id=vm_id)
    if request.method != "POST":
        form = CloudForm(initial=initial_of(state.wish), nics=state.macs)
        return _show(request, actor, vm_id, form)
    form = CloudForm(request.POST, nics=state.macs)
    if form.is_valid():
        try:
            seeds.save(actor=actor, vm_id=vm_id, wish=form.wish())
        except SHOWN as problem:
            add_problems(form, problem, form.problem_names())
        else:
            text = _("Saved. The guest reads it at its next boot, as if it were new.")
            return done(request, text, reverse("guest-cloud-init", args=[vm_id]))
    return _show(request, actor, vm_id, form)


def _show(request: HttpRequest, actor: Person, vm_id: uuid.UUID, form: CloudForm) -> HttpResponse:
    guest = selectors.vm(actor, vm_id, Action.VM_EDIT)
    is_off = guest.vm_state is VmState.OFF
    context = guest_context(actor, guest, "settings") | {
        "form": form,
        "seed": seeds.state(actor=actor, vm_id=vm_id),
        "off_reason": "" if is_off else messages.sentence_for("must-be-off"),
    }
    status = 422 if form.is_bound else 200
    return render(request, "guests/cloud_init.html", context, status=status)


@require_POST
@door
def remove(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Take the seed from the guest."""
    seeds.remove(actor=actor, vm_id=vm_id)
    text = _("The cloud-init disk is removed.")
    return done(request, text, reverse("guest-settings", args=[vm_id]))


@sensitive_post_parameters("password", "user_data")
@require_POST
@door
def preview(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the document that the fields make, or what is wrong with them."""
    nics = [str(index) for index in range(MAX_NICS) if f"nic_{index}_addresses" in request.POST]
    form = CloudForm(request.POST, nics=nics)
    context: dict[str, object] = {}
    if form.is_valid():
        wish = form.wish()
        problems = cloud.problems(wish, has_password=bool(wish.user))
        context["problems"] = [_line(form, name, each) for name, each in problems.items()]
        if not problems:
            name = request.POST.get("name", "")
            context["document"] = cloud.preview(wish, name or "guest")
    return render(request, "guests/_cloud_preview.html", context)


def _line(form: CloudForm, name: str, problem: Problem) -> str:
    own = form.problem_names().get(name, name)
    label = form.fields[own].label if own in form.fields else ""
    return f"{label}: {messages.sentence(problem)}"
