"""One thing done to all chosen guests: asks before something is lost, then tells each result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from vms import messages
from vms.hypervisor.types import Verb
from vms.policy import Person
from vms.problems import NotFound
from vms.services import bulk
from vms.services.bulk import BulkVerb, Outcome, Result, Wish
from vms.web.door import back, door, is_partial
from vms.web.views.tags import split

DANGEROUS = {BulkVerb.POWER_OFF, BulkVerb.DELETE}


@dataclass(frozen=True, slots=True)
class ResultLine:
    """What came of it for one guest, in words."""

    name: str
    url: str
    outcome: str
    text: str
    is_good: bool


@require_POST
@door
def perform(request: HttpRequest, actor: Person) -> HttpResponse:
    """Do it to the chosen guests; what loses something is asked first."""
    try:
        verb = BulkVerb(request.POST.get("verb", ""))
    except ValueError:
        raise NotFound("verb") from None
    ids = request.POST.getlist("id")
    if verb in DANGEROUS and "confirmed" not in request.POST:
        return _ask(request, actor, verb, ids)
    wish = Wish(
        verb,
        tags=tuple(split(request.POST.get("tags", ""))),
        has_disks=request.POST.get("disks") == "own",
    )
    results = bulk.perform(actor=actor, vm_ids=ids, wish=wish)
    lines = [_line(result, verb) for result in results]
    context = {
        "lines": lines,
        "title": label(verb),
        "good": sum(line.is_good for line in lines),
        "bad": sum(not line.is_good for line in lines),
        "back": back(request, reverse("guests")),
    }
    template = "guests/_bulk_results.html" if is_partial(request) else "guests/bulk_results.html"
    return render(request, template, context)


def label(verb: BulkVerb) -> str:
    """Name it as on its button."""
    others = {
        BulkVerb.TAG: _("Add tags"),
        BulkVerb.UNTAG: _("Remove tags"),
        BulkVerb.DELETE: _("Delete"),
    }
    return others.get(verb) or messages.verb_label(Verb(verb.value))


def _ask(request: HttpRequest, actor: Person, verb: BulkVerb, ids: Sequence[str]) -> HttpResponse:
    context = {
        "verb": verb,
        "ids": ids,
        "label": label(verb),
        "guests": bulk.chosen(actor=actor, vm_ids=ids, verb=verb),
        "back": back(request, reverse("guests")),
    }
    template = "guests/_bulk_ask.html" if is_partial(request) else "guests/bulk_ask.html"
    return render(request, template, context)


def _line(result: Result, verb: BulkVerb) -> ResultLine:
    return ResultLine(
        name=result.name or _("A guest that is not there"),
        url=reverse("guest", args=[result.vm_id]) if result.name else "",
        outcome=result.outcome.value,
        text=_text(result, verb),
        is_good=result.outcome in {Outcome.DONE, Outcome.STARTED},
    )


def _text(result: Result, verb: BulkVerb) -> str:
    if result.problem is not None:
        return messages.sentence(result.problem)
    if result.outcome is Outcome.DONE:
        return _("done")
    if verb is BulkVerb.DELETE:
        return _("is being deleted")
    return _("the host is still working on it")
