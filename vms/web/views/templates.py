"""Templates: what guests are made from."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from vms import selectors
from vms.models import Template, Volume
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import templates
from vms.web.cards import template_cards
from vms.web.door import done, door
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.templates import FIELD_NAMES, NewTemplateForm, TemplateForm, initial_of


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the templates."""
    context = {
        "cards": template_cards(selectors.templates(actor), selectors.vms(actor), actor),
        "can_create": can(actor, Action.TEMPLATE_CREATE),
    }
    return render(request, "templates/list.html", context)


def _require_author(actor: Person) -> None:
    if not can(actor, Action.TEMPLATE_CREATE):
        raise Forbidden("forbidden", action=Action.TEMPLATE_CREATE.value)


def _images(actor: Person) -> list[Volume]:
    in_use = selectors.disk_paths_in_use()
    rows = selectors.images(actor).exclude(format="iso")
    return [image for image in rows if image.path not in in_use]


@require_http_methods(["GET", "HEAD", "POST"])
@door
def new(request: HttpRequest, actor: Person) -> HttpResponse:
    """Make a template from an image in a pool."""
    _require_author(actor)
    images, networks = _images(actor), selectors.networks(actor)
    first = {"image": request.GET.get("image", "")}
    data = request.POST if request.method == "POST" else None
    form = NewTemplateForm(data, initial=first, images=images, networks=networks)
    if form.is_valid():
        try:
            made = templates.create(
                actor=actor, image_id=form.cleaned_data["image"], defaults=form.defaults()
            )
        except SHOWN as problem:
            add_problems(form, problem, FIELD_NAMES)
        else:
            done(request, _("The template “%(name)s” is ready.") % {"name": made.name}, "templates")
            return redirect("templates")
    context = {"form": form, "template": None, "has_images": bool(images)}
    status = 422 if form.is_bound else 200
    return render(request, "templates/form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def edit(request: HttpRequest, actor: Person, template_id: uuid.UUID) -> HttpResponse:
    """Change the defaults of a template."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    data = request.POST if request.method == "POST" else None
    networks = selectors.networks(actor).filter(host=template.host)
    form = TemplateForm(data, initial=initial_of(template), networks=networks)
    if form.is_valid():
        try:
            templates.edit(
                actor=actor, template_id=template_id, defaults=form.defaults(template.icon)
            )
        except SHOWN as problem:
            add_problems(form, problem, FIELD_NAMES)
        else:
            done(request, _("The template is saved."), "templates")
            return redirect("templates")
    context = {"form": form, "template": template, "has_images": True}
    status = 422 if form.is_bound else 200
    return render(request, "templates/form.html", context, status=status)


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
