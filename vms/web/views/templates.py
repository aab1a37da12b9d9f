"""Templates: what guests are made from."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from vms import messages, selectors
from vms.hypervisor.hardware import GuestOptions
from vms.models import Host, Template
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import hosts, template_copies, templates, versions
from vms.web import proposals
from vms.web.cards import template_cards
from vms.web.door import done, door
from vms.web.forms.copying import CopyForm
from vms.web.forms.machine import PROPOSE
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.templates import Surroundings, TemplateForm
from vms.web.hardwarelines import changed_label
from vms.web.proposals import ProposalNote


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the templates."""
    context = {
        "cards": template_cards(selectors.templates(actor), selectors.vms(actor), actor),
        "can_create": can(actor, Action.TEMPLATE_CREATE),
        "can_use": can(actor, Action.VM_CREATE),
    }
    return render(request, "templates/list.html", context)


def _require_author(actor: Person) -> None:
    if not can(actor, Action.TEMPLATE_CREATE):
        raise Forbidden("forbidden", action=Action.TEMPLATE_CREATE.value)


def _around(actor: Person, host: Host | None) -> Surroundings:
    """Say what the host has to choose from."""
    if host is None:
        return Surroundings(GuestOptions())
    in_use = selectors.disk_paths_in_use()
    images = selectors.images(actor).filter(pool__host=host)
    return Surroundings(
        options=hosts.options(host),
        pools=tuple(pool.name for pool in selectors.pools(actor).filter(host=host)),
        networks=tuple(network.name for network in selectors.networks(actor).filter(host=host)),
        images=tuple(image for image in images if not image.is_iso and image.path not in in_use),
        isos=tuple(image for image in images if image.is_iso),
    )


def _host_of(request: HttpRequest, actor: Person) -> Host | None:
    """Choose the host: that of the image in the address, else the first that answers."""
    chosen = request.GET.get("image", "")
    if chosen:
        return selectors.image(actor, chosen).pool.host
    rows = templates.possible_hosts(actor=actor)
    return next((host for host in rows if host.is_connected), rows[0] if rows else None)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def new(request: HttpRequest, actor: Person) -> HttpResponse:
    """Make a template from a disk image, an installer, or to boot from the network."""
    _require_author(actor)
    host = _host_of(request, actor)
    around = _around(actor, host)
    form, note = _first_form(request, actor, around)
    if not form.is_draft and form.is_valid():
        try:
            made = templates.make(
                actor=actor,
                content=form.content(),
                image_id=form.image_id,
                host_id=host.pk if host else None,
            )
        except SHOWN as problem:
            add_problems(form, problem, form.problem_names())
        else:
            done(request, _("The template “%(name)s” is ready.") % {"name": made.name}, "templates")
            return redirect("templates")
    has_images = bool(around.images or around.isos)
    return _show(request, form, None, has_images=has_images, note=note)


def _first_form(
    request: HttpRequest, actor: Person, around: Surroundings
) -> tuple[TemplateForm, ProposalNote | None]:
    """Make the form of a new template, with what is proposed for its image where that is asked."""
    if request.method != "POST":
        first, note = proposals.first_values(actor, request.GET.get("image", ""))
        return TemplateForm(None, initial=first, around=around), note
    if PROPOSE not in request.POST:
        return TemplateForm(request.POST, around=around), None
    data, note = proposals.again(actor, request.POST)
    return TemplateForm(data, around=around), note


@require_http_methods(["GET", "HEAD", "POST"])
@door
def edit(request: HttpRequest, actor: Person, template_id: uuid.UUID) -> HttpResponse:
    """Change a template; each change is a version of its own."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    data = request.POST if request.method == "POST" else None
    form = TemplateForm(data, around=_around(actor, template.host), template=template)
    if not form.is_draft and form.is_valid():
        try:
            templates.edit_whole(
                actor=actor,
                template_id=template_id,
                content=form.content(template.icon),
                image_id=form.image_id or None,
            )
        except SHOWN as problem:
            add_problems(form, problem, form.problem_names())
        else:
            done(request, _("The template is saved."), "templates")
            return redirect("templates")
    return _show(request, form, template)


def _show(
    request: HttpRequest,
    form: TemplateForm,
    template: Template | None,
    *,
    has_images: bool = True,
    note: ProposalNote | None = None,
) -> HttpResponse:
    is_wrong = form.is_bound and not form.is_draft
    kept = [form.fields[name].label for name in note.kept] if note else []
    context = {
        "form": form,
        "template": template,
        "has_images": has_images,
        "note": note,
        "kept": kept,
    }
    return render(request, "templates/form.html", context, status=422 if is_wrong else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def from_guest(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Make a template of a guest that is off: its disks are copied."""
    shown = template_copies.preview(actor=actor, vm_id=vm_id)
    guest = selectors.vm(actor, vm_id)
    data = request.POST if request.method == "POST" else None
    form = CopyForm(data, shown=shown, initial={"description": guest.description})
    if form.is_valid():
        try:
            template_copies.from_guest(actor=actor, vm_id=vm_id, wish=form.wish())
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            text = _("“%(name)s” is being copied; the template appears when that has ended.")
            done(request, text % {"name": guest.name}, "templates")
            return redirect("templates")
    context = {
        "form": form,
        "guest": guest,
        "shown": shown,
        "reason": messages.sentence_for(shown.reason) if shown.reason else "",
    }
    status = 422 if form.is_bound else 200
    return render(request, "templates/from_guest.html", context, status=status)


@require_safe
@door
def history(request: HttpRequest, actor: Person, template_id: uuid.UUID) -> HttpResponse:
    """Show the versions of a template."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_INSPECT)
    lines = versions.history(actor=actor, template_id=template_id)
    context = {
        "template": template,
        "can_manage": can(actor, Action.TEMPLATE_MANAGE, template),
        "lines": [(line, ", ".join(map(changed_label, line.changed))) for line in lines],
    }
    return render(request, "templates/history.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def delete(request: HttpRequest, actor: Person, template_id: uuid.UUID) -> HttpResponse:
    """Ask, then delete a template."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    if request.method == "POST":
        templates.delete(actor=actor, template_id=template_id)
        text = _("The template “%(name)s” is deleted.") % {"name": template.name}
        done(request, text, "templates")
        return redirect("templates")
    return _ask(request, actor, template)


def _ask(request: HttpRequest, actor: Person, template: Template) -> HttpResponse:
    card = template_cards([template], selectors.vms(actor))[0]
    return render(request, "templates/delete.html", {"template": template, "card": card})
