"""The power verbs, by POST only."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from vms import messages
from vms.hypervisor.types import Verb
from vms.policy import Person
from vms.problems import NotFound
from vms.services import power
from vms.web.door import done, door


@require_POST
@door
def perform(request: HttpRequest, actor: Person, vm_id: uuid.UUID, verb: str) -> HttpResponse:
    """Do a power verb and say what came of it."""
    try:
        wanted = Verb(verb)
    except ValueError:
        raise NotFound("verb") from None
    outcome = power.perform(actor=actor, vm_id=vm_id, verb=wanted)
    words = {"name": outcome.vm.name, "verb": messages.verb_label(wanted)}
    url = reverse("guest", args=[vm_id])
    if outcome.is_still_running:
        text = _("“%(name)s”: the host is still working on “%(verb)s”.") % words
        return done(request, text, url, "warning")
    return done(request, _("“%(name)s”: %(verb)s – sent.") % words, url)
