"""The landing page: every guest that the person may see, as list or gallery."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from vms import selectors
from vms.models import VM
from vms.policy import Action, Person, can
from vms.problems import NotFound
from vms.web import listing
from vms.web.door import door
from vms.web.listing import Listing
from vms.web.rows import guest_rows

MAX_IDS = 200


@require_safe
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the guests."""
    wanted = Listing(request, actor)
    shown = _in_order(actor, wanted.shown_ids)
    heads = listing.heads(wanted)
    context = {
        "listing": wanted,
        "view": wanted.view,
        "query": wanted.query,
        "rows": guest_rows(actor, shown, wanted.likes.hidden_columns),
        "matching": len(wanted.found.revisions),
        "chips": listing.chips(wanted),
        "heads": heads,
        "gauges": len(heads) - 1,
        "columns": listing.columns(wanted),
        "sees_all": wanted.sees_all,
        "can_create": can(actor, Action.VM_CREATE),
        "has_templates": wanted.found.total > 0 or selectors.templates(actor).exists(),
    }
    return render(request, "guests/list.html", context)


def _in_order(actor: Person, ids: list[str]) -> list[VM]:
    rows = {str(guest.pk): guest for guest in selectors.listed_vms(actor, ids)}
    return [rows[pk] for pk in ids if pk in rows]


@require_safe
@door
def rows(request: HttpRequest, actor: Person) -> HttpResponse:
    """Give the rows of the guests named by `id`, in that order, or those of the first page.

    What is named and missing is gone.
    """
    wanted = Listing(request, actor)
    ids = [pk for pk in request.GET.getlist("id")[:MAX_IDS] if _is_uuid(pk)]
    guests = _in_order(actor, ids if "id" in request.GET else wanted.shown_ids)
    shown = guest_rows(actor, guests, wanted.likes.hidden_columns)
    context = {"rows": shown, "view": wanted.view}
    return render(request, "guests/_rows.html", context)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


@require_safe
@door
def index(request: HttpRequest, actor: Person) -> HttpResponse:
    """Give every guest that matches, in order, with its revision: what a page shows or missed."""
    wanted = Listing(request, actor)
    found = wanted.found
    values: dict[str, Any] = {  # Any: JSON
        "guests": found.revisions,
        "total": found.total,
        "problem": wanted.problem,
        "sort": str(wanted.order),
        "heads": {head.key: [head.sort, head.next] for head in listing.heads(wanted)},
        "chips": {chip.name: [chip.value, chip.is_set, chip.url] for chip in listing.chips(wanted)},
    }
    return JsonResponse(values)


@require_safe
@door
def choices(request: HttpRequest, actor: Person, name: str) -> HttpResponse:
    """Give the menu behind a chip."""
    lines = listing.choices(Listing(request, actor), name)
    if not lines:
        raise NotFound("chip")
    return render(request, "guests/_choices.html", {"choices": lines})
