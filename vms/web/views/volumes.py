"""Volumes: the page of one, and every thing that is done with it, each on a page of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from vms import selectors
from vms.models import Pool, Volume
from vms.policy import Action, Person, can
from vms.services import volumes
from vms.web import storage
from vms.web.door import done, door
from vms.web.forms.fields import to_bytes, to_gib
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.storage import VOLUME_FIELDS, CloneForm, MoveForm, ResizeForm, VolumeForm


@require_http_methods(["GET", "HEAD", "POST"])
@door
def new(request: HttpRequest, actor: Person, pool_id: uuid.UUID) -> HttpResponse:
    """Make an empty volume."""
    pool = selectors.pool(actor, pool_id, Action.VOLUME_MANAGE)
    form = VolumeForm(request.POST if request.method == "POST" else None, pool=pool)
    if form.is_valid():
        try:
            volumes.create(actor=actor, pool_id=pool_id, new=form.new())
        except SHOWN as problem:
            add_problems(form, problem, VOLUME_FIELDS)
        else:
            name = form.cleaned_data["name"]
            done(request, _("“%(name)s” is being made.") % {"name": name}, "storage")
            return redirect("pool", pool_id)
    status = 422 if form.is_bound else 200
    return render(request, "storage/volume_new.html", {"form": form, "pool": pool}, status=status)


@require_safe
@door
def page(request: HttpRequest, actor: Person, volume_id: uuid.UUID) -> HttpResponse:
    """Show one volume, who needs it, and what can be done with it."""
    volume = selectors.volume(actor, volume_id)
    can_manage = can(actor, Action.VOLUME_MANAGE, volume)
    context = {**_context(volume), "can_manage": can_manage}
    return render(request, "storage/volume.html", context)


def _manageable(actor: Person, volume_id: uuid.UUID) -> Volume:
    return selectors.volume(actor, volume_id, Action.VOLUME_MANAGE)


def _context(volume: Volume) -> dict[str, object]:
    (view,) = storage.volume_views(volume.pool, [volume])
    return {"view": view, "volume": volume, "pool": volume.pool}


def _pools(actor: Person, volume: Volume) -> list[Pool]:
    rows = selectors.pools(actor).filter(host=volume.pool.host, state="active")
    return list(rows)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def clone(request: HttpRequest, actor: Person, volume_id: uuid.UUID) -> HttpResponse:
    """Copy a volume."""
    volume = _manageable(actor, volume_id)
    initial = {"pool": str(volume.pool_id)}
    data = request.POST if request.method == "POST" else None
    form = CloneForm(data, initial=initial, pools=_pools(actor, volume), volume=volume)

    def act() -> str:
        chosen = form.cleaned_data
        volumes.clone(
            actor=actor,
            volume_id=volume_id,
            name=chosen["name"],
            pool_id=chosen["pool"],
            format=chosen["format"],
        )
        return _("“%(name)s” is being copied.")

    return _do(request, volume, form, "storage/clone.html", act)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def resize(request: HttpRequest, actor: Person, volume_id: uuid.UUID) -> HttpResponse:
    """Grow or shrink a volume."""
    volume = _manageable(actor, volume_id)
    initial = {"capacity_gib": to_gib(volume.capacity_bytes)}
    form = ResizeForm(request.POST if request.method == "POST" else None, initial=initial)

    def act() -> str:
        volumes.resize(
            actor=actor,
            volume_id=volume_id,
            capacity_bytes=to_bytes(form.cleaned_data["capacity_gib"]),
            is_shrink_confirmed=form.cleaned_data["is_shrink_confirmed"],
        )
        return _("“%(name)s” has its new size.")

    return _do(request, volume, form, "storage/resize.html", act)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def move(request: HttpRequest, actor: Person, volume_id: uuid.UUID) -> HttpResponse:
    """Move a volume to another pool."""
    volume = _manageable(actor, volume_id)
    others = [pool for pool in _pools(actor, volume) if pool.pk != volume.pool_id]
    form = MoveForm(request.POST if request.method == "POST" else None, pools=others)

    def act() -> str:
        volumes.move(actor=actor, volume_id=volume_id, pool_id=form.cleaned_data["pool"])
        return _("“%(name)s” is being moved.")

    return _do(request, volume, form, "storage/move.html", act)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def wipe(request: HttpRequest, actor: Person, volume_id: uuid.UUID) -> HttpResponse:
    """Ask, then overwrite a volume."""
    volume = _manageable(actor, volume_id)
    form = forms.Form(request.POST if request.method == "POST" else None)

    def act() -> str:
        volumes.wipe(actor=actor, volume_id=volume_id)
        return _("“%(name)s” is being wiped.")

    return _do(request, volume, form, "storage/wipe.html", act)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def delete(request: HttpRequest, actor: Person, volume_id: uuid.UUID) -> HttpResponse:
    """Ask, then delete a volume."""
    volume = _manageable(actor, volume_id)
    form = forms.Form(request.POST if request.method == "POST" else None)

    def act() -> str:
        volumes.delete(actor=actor, volume_id=volume_id)
        return _("“%(name)s” is deleted.")

    return _do(request, volume, form, "storage/volume_delete.html", act)


def _do(
    request: HttpRequest, volume: Volume, form: forms.Form, template: str, act: Callable[[], str]
) -> HttpResponse:
    """Show the form, or do what it asks for and go back to the pool."""
    if form.is_valid():
        try:
            text = act()
        except SHOWN as problem:
            add_problems(form, problem, VOLUME_FIELDS)
        else:
            done(request, text % {"name": volume.name}, "storage")
            return redirect("pool", volume.pool_id)
    context = {**_context(volume), "form": form}
    return render(request, template, context, status=422 if form.is_bound else 200)
