"""What somebody likes about the guests page: list or gallery, which columns, which order."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from vms.finder import Order
from vms.policy import Person
from vms.problems import NotFound
from vms.services import people, preferences
from vms.web.door import back, door
from vms.web.listing import VIEWS, Listing, columns


@require_POST
@door
def choose_view(request: HttpRequest, actor: Person) -> HttpResponse:
    """Remember whether the person likes the list or the gallery."""
    wanted = request.POST.get("view", "")
    if wanted not in VIEWS:
        raise NotFound("view")
    people.choose_guest_view(actor=actor, view=wanted)
    return redirect(back(request, "guests"))


@require_POST
@door
def choose_columns(request: HttpRequest, actor: Person) -> HttpResponse:
    """Remember which columns are shown; what is not offered is neither shown nor hidden."""
    shown = set(request.POST.getlist("column"))
    offered = {column.name for column in columns(Listing(request, actor))}
    preferences.hide_columns(actor=actor, hidden=offered - shown)
    return redirect(back(request, "guests"))


@require_POST
@door
def choose_order(request: HttpRequest, actor: Person) -> HttpResponse:
    """Remember the order of the guests."""
    order = Order.read(request.POST.get("sort", ""))
    if order is None:
        raise NotFound("order")
    preferences.choose_order(actor=actor, order=order)
    return HttpResponse(status=204)
