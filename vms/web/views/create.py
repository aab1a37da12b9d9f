"""A new guest: first the template, then the form."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from vms import selectors
from vms.models import Template
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import machines, quotas, template_access, templates
from vms.web import hardwarelines
from vms.web.cards import template_cards
from vms.web.door import done, door
from vms.web.forms.fields import to_gib
from vms.web.forms.grants import limit_to
from vms.web.forms.guests import CreateForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.quotas import narrow


@require_safe
@door
def choose_template(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the templates to make a guest from."""
    if not can(actor, Action.VM_CREATE):
        raise Forbidden("forbidden", action=Action.VM_CREATE.value)
    context = {
        "cards": template_cards(selectors.templates(actor)),
        "can_create": can(actor, Action.TEMPLATE_CREATE),
    }
    return render(request, "guests/new.html", context)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@door
def from_template(request: HttpRequest, actor: Person, template_id: uuid.UUID) -> HttpResponse:
    """Show the form for a guest from this template, and make it."""
    template = selectors.template(actor, template_id)
    if request.method == "POST":
        return _create(request, actor, template)
    form = _form(actor, template, initial=_first_values(actor, template))
    return _show(request, template, form)


def _first_values(actor: Person, template: Template) -> dict[str, object]:
    room, plan = machines.limits(actor=actor, template=template), template.plan
    proposed = room.disks[0].proposed_bytes if room.disks else 0
    return {
        "name": machines.propose_name(actor=actor, template=template),
        "vcpus": plan.vcpus,
        "memory_mib": plan.memory_mib,
        "disk_gib": to_gib(proposed),
        "user": plan.cloud.user,
        "ssh_keys": _own_keys(actor) if plan.cloud.user else "",
        "packages": " ".join(plan.cloud.packages),
        "timezone": plan.cloud.timezone,
        "locale": plan.cloud.locale,
        "user_data": plan.cloud.user_data,
        "is_started": True,
    }


def _own_keys(actor: Person) -> str:
    return "\n".join(selectors.ssh_keys(actor).values_list("line", flat=True))


def _form(actor: Person, template: Template, **kwargs: object) -> CreateForm:
    room = machines.limits(actor=actor, template=template)
    form = CreateForm(template=template, limits=room, **kwargs)
    limit_to(form, template_access.limits_of(template))
    narrow(form, quotas.room(actor=actor, owner=actor.user))
    return form


def _show(
    request: HttpRequest, template: Template, form: CreateForm, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "template": template,
        "status": templates.status(template),
        "hardware": hardwarelines.lines(template.plan),
    }
    return render(request, "guests/new_from.html", context, status=status)


def _create(request: HttpRequest, actor: Person, template: Template) -> HttpResponse:
    first = _first_values(actor, template)  # for what the template lets nobody type
    form = _form(actor, template, data=request.POST, initial=first)
    if form.is_valid():
        try:
            guest, _job = machines.create(actor=actor, request=form.request())
        except SHOWN as problem:
            add_problems(form, problem, form.problem_names())
        else:
            text = _("“%(name)s” is being made.") % {"name": guest.name}
            done(request, text, "guests")
            return redirect("guests")
    return _show(request, template, form, status=422)
