"""The landing page: every guest that the person may see, as list or gallery."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from vms import selectors
from vms.policy import Action, Person, can
from vms.problems import NotFound
from vms.services import people
from vms.web.door import door
from vms.web.rows import FULL_ROWS, guest_rows

VIEWS = ("list", "gallery")
MAX_IDS = 200


def _view(request: HttpRequest, actor: Person) -> str:
    """Return list or gallery: what the address says, else how the person looked last."""
    wanted = request.GET.get("view") or actor.user.guest_view
    return wanted if wanted in VIEWS else VIEWS[0]


@require_GET
@door
def page(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show the guests."""
    rows = list(guest_rows(actor, selectors.listed_vms(actor)))
    context = {
        "rows": rows,
        "view": _view(request, actor),
        "query": request.GET.get("q", ""),
        "sees_all": can(actor, Action.VM_SET_OWNER),
        "has_templates": bool(rows) or selectors.templates(actor).exists(),
    }
    return render(request, "guests/list.html", context)


@require_GET
@door
def rows(request: HttpRequest, actor: Person) -> HttpResponse:
    """Give the rows of the guests named by `id`, or of all; what is missing is gone."""
    ids = [pk for pk in request.GET.getlist("id")[:MAX_IDS] if _is_uuid(pk)]
    guests = selectors.listed_vms(actor, ids if request.GET.getlist("id") else None)
    shown = guest_rows(actor, guests, full=MAX_IDS if ids else FULL_ROWS)
    context = {"rows": shown, "view": _view(request, actor)}
    return render(request, "guests/_rows.html", context)


@require_GET
@door
def index(request: HttpRequest, actor: Person) -> HttpResponse:
    """Give the revision of every visible guest, so that a page finds out what it missed."""
    revisions = selectors.vms(actor).prefetch_related(None).values_list("pk", "revision")
    return JsonResponse({str(pk): revision for pk, revision in revisions})


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


@require_POST
@door
def choose_view(request: HttpRequest, actor: Person) -> HttpResponse:
    """Remember whether the person likes the list or the gallery."""
    wanted = request.POST.get("view", "")
    if wanted not in VIEWS:
        raise NotFound("view")
    people.choose_guest_view(actor=actor, view=wanted)
    return redirect("guests")
