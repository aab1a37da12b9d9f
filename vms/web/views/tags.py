"""The tags of a guest: a small editor in a menu, a page of its own where no script runs."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from vms import selectors
from vms.models import VM
from vms.policy import Action, Person
from vms.problems import Invalid
from vms.services import tags
from vms.web.door import door, is_partial, problem_text
from vms.web.taglooks import TagLooks


@require_http_methods(["GET", "HEAD", "POST"])
@door
def page(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the tags; add or remove one."""
    guest = selectors.vm(actor, vm_id, Action.VM_EDIT)
    if request.method != "POST":
        return _show(request, actor, guest)
    # Not "remove": a control of that name would hide the form's own method from scripts.
    typed, gone = request.POST.get("add", ""), request.POST.getlist("drop")
    # Whoever removes one may have half typed another.
    new = [] if gone else split(typed)
    try:
        guest = tags.change(actor=actor, vm_id=vm_id, add=new, remove=gone)
    except Invalid as problem:
        return _show(request, actor, guest, typed, problem_text(problem))
    if not is_partial(request):
        return redirect("guest-tags", vm_id=vm_id)
    return _show(request, actor, guest, typed if gone else "")


def split(typed: str) -> list[str]:
    """Return the tags that somebody typed with commas between them."""
    return [part for part in typed.split(",") if part.strip()]


def _show(
    request: HttpRequest, actor: Person, guest: VM, typed: str = "", error: str = ""
) -> HttpResponse:
    context = {
        "guest": guest,
        "tags": TagLooks().of(guest.tags),
        "suggestions": tags.suggestions(actor=actor, vm=guest),
        "is_full": len(guest.tags) >= tags.MAX_TAGS,
        "max_length": tags.MAX_LENGTH,
        "typed": typed,
        "error": error,
    }
    template = "guests/_tags.html" if is_partial(request) else "guests/tags.html"
    return render(request, template, context, status=422 if error else 200)
