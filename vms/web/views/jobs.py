"""Jobs: the menu behind the indicator, and cancelling."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from vms.policy import Person
from vms.services import jobs, preferences
from vms.web.door import back, done, door, is_partial


@require_safe
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


@require_POST
@door
def repeat(request: HttpRequest, actor: Person, job_id: uuid.UUID) -> HttpResponse:
    """Ask once more for what a job did not do; the one that failed goes out of sight."""
    job = jobs.repeat(actor=actor, job_id=job_id)
    preferences.dismiss_job(actor=actor, job_id=job_id)
    text = _("“%(name)s”: it is tried again.") % {"name": job.target_name}
    return done(request, text, reverse("guests"))


@require_POST
@door
def dismiss(request: HttpRequest, actor: Person, job_id: uuid.UUID) -> HttpResponse:
    """Put a job that has ended out of sight."""
    preferences.dismiss_job(actor=actor, job_id=job_id)
    return _menu_again(request)


@require_POST
@door
def dismiss_all(request: HttpRequest, actor: Person) -> HttpResponse:
    """Put all jobs that have ended out of sight."""
    preferences.dismiss_jobs(actor=actor)
    return _menu_again(request)


def _menu_again(request: HttpRequest) -> HttpResponse:
    if is_partial(request):
        return render(request, "jobs/_indicator.html")
    return redirect(back(request, "guests"))
