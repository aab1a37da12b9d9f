"""Jobs: the menu behind the indicator, and cancelling."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from vms.policy import Person
from vms.services import jobs
from vms.web.door import done, door


@require_GET
@door
def menu(request: HttpRequest, actor: Person) -> HttpResponse:
    """Give the indicator with its menu."""
    return render(request, "jobs/_indicator.html")


@require_POST
@door
def cancel(request: HttpRequest, actor: Person, job_id: uuid.UUID) -> HttpResponse:
    """Ask a job to stop."""
    job = jobs.cancel(actor=actor, job_id=job_id)
    text = _("“%(name)s”: the job stops at its next step.") % {"name": job.target_name}
    return done(request, text, reverse("guests"))
