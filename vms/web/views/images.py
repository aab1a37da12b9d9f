"""Images: what there is, and getting more: from a desk, the catalogue or an address."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import fetching, images, importing, uploads
from vms.web.door import done, door
from vms.web.forms.images import FIELD_NAMES, UrlForm
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.imagepage import (
    image_line,
    image_lines,
    job_lines,
    releases,
    upload_lines,
)


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the images, and what is on its way."""
    context = {
        "images": image_lines(actor),
        "jobs": job_lines(actor),
        "uploads": upload_lines(actor),
        "pools": importing.pools_for(actor),
        "can_add": can(actor, Action.IMAGE_ADD),
        "can_fetch_url": can(actor, Action.IMAGE_FETCH_URL),
        "can_make_template": can(actor, Action.TEMPLATE_CREATE),
    }
    return render(request, "images/list.html", context)


def _require(actor: Person, action: Action, thing: object | None = None) -> None:
    if not can(actor, action, thing):
        raise Forbidden("forbidden", action=action.value)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def fetch(request: HttpRequest, actor: Person) -> HttpResponse:
    """Get an image from an address."""
    _require(actor, Action.IMAGE_FETCH_URL)
    data = request.POST if request.method == "POST" else None
    form = UrlForm(data, pools=importing.pools_for(actor))
    if form.is_valid():
        try:
            job = fetching.from_url(actor=actor, request=form.wanted())
        except SHOWN as problem:
            add_problems(form, problem, FIELD_NAMES)
        else:
            done(request, _("“%(name)s” is on its way.") % {"name": job.target_name}, "images")
            return redirect("images")
    status = 422 if form.is_bound else 200
    return render(request, "images/fetch.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def catalogue(request: HttpRequest, actor: Person) -> HttpResponse:
    """Choose from the catalogue of official images."""
    entries = fetching.entries(actor=actor)
    if request.method == "POST":
        job = fetching.from_catalogue(
            actor=actor,
            entry_id=request.POST.get("entry", ""),
            pool_id=request.POST.get("pool", ""),
        )
        text = _("“%(name)s” is on its way; its template follows.") % {"name": job.target_name}
        done(request, text, "images")
        return redirect("images")
    context = {"releases": releases(entries), "pools": importing.pools_for(actor)}
    return render(request, "images/catalogue.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def delete(request: HttpRequest, actor: Person, image_id: uuid.UUID) -> HttpResponse:
    """Ask, then delete an image."""
    image = images.get(actor=actor, image_id=image_id)
    _require(actor, Action.IMAGE_MANAGE, image.volume)
    if request.method == "POST":
        images.delete(actor=actor, image_id=image_id)
        text = _("The image “%(name)s” is deleted.") % {"name": image.volume.name}
        done(request, text, "images")
        return redirect("images")
    return render(request, "images/delete.html", {"line": image_line(image)})


@require_POST
@door
def discard_upload(request: HttpRequest, actor: Person, upload_id: uuid.UUID) -> HttpResponse:
    """Give an upload up."""
    state = uploads.look(actor=actor, upload_id=upload_id)
    uploads.discard(actor=actor, upload_id=upload_id)
    text = _("The upload of “%(name)s” is given up.") % {"name": state.filename}
    return done(request, text, reverse("images"))
