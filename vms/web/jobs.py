"""Jobs as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from vms import messages, selectors
from vms.models import Job, JobState
from vms.models.job import OPEN_STATES
from vms.policy import Person
from vms.services import job_kinds, preferences

MOST_ENDED = 20
SHOWN = (
    "kind",
    "state",
    "vm_id",
    "target_kind",
    "target_name",
    "step",
    "steps_done",
    "steps_total",
    "bytes_done",
    "bytes_total",
    "is_cancel_requested",
    "error_code",
    "error_params",
    "undo",
    "created_at",
    "ended_at",
    "actor__username",
)
"""Columns of which a line is made: every page asks for them, and a guest's XML is large."""
BAD = {JobState.FAILED, JobState.INTERRUPTED}


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in a menu or a row; `text` says what happens now or how it ended."""

    id: str
    title: str
    target: str
    text: str
    state: str
    is_open: bool
    is_bad: bool
    is_cancel_requested: bool
    percent: int
    steps: str
    """How far it is: bytes where those are counted, else the number of the step."""
    at: datetime
    """When it ended, else when it was asked for."""
    is_mine: bool = True
    actor: str = ""
    """Who asked for it, where that is somebody else."""
    can_repeat: bool = False
    url: str = ""
    """Page of its guest, where there still is one."""


def job_line(job: Job, actor: Person | None = None) -> JobLine:
    """Word one job, for somebody where that makes a difference."""
    is_mine = actor is None or job.actor_id == actor.user.pk
    return JobLine(
        id=str(job.pk),
        title=messages.job_kind(job.kind),
        target=job.target_name,
        text=_text(job),
        state=str(job.state),
        is_open=job.is_open,
        is_bad=job.state in BAD,
        is_cancel_requested=job.is_cancel_requested,
        percent=job.percent,
        steps=_amount(job),
        at=job.ended_at or job.created_at,
        is_mine=is_mine,
        actor="" if is_mine or job.actor is None else job.actor.username,
        can_repeat=job_kinds.can_repeat(job),
        url=_url(job),
    )


def _amount(job: Job) -> str:
    if job.bytes_total:
        done, total = messages.size(job.bytes_done), messages.size(job.bytes_total)
        return _("%(done)s of %(total)s") % {"done": done, "total": total}
    return f"{min(job.steps_done + 1, job.steps_total)}/{job.steps_total}"


def _url(job: Job) -> str:
    if job.vm_id:
        return reverse("guest", args=[job.vm_id])
    pages = {"volume": "storage", "pool": "storage"}
    return reverse(pages[job.target_kind]) if job.target_kind in pages else ""


def _text(job: Job) -> str:
    if job.is_open:
        return messages.step(job.step)
    if job.error_code:
        text = messages.job_sentence(job.error_code, job.error_params, job.step)
        return f"{text} {messages.sentence_for('job-left-over')}" if job.undo else text
    return str(JobState(job.state).label)


def job_lines(actor: Person) -> list[JobLine]:
    """Word every job under way, then those that ended within a day and were not dismissed."""
    rows = selectors.jobs(actor).select_related(None).select_related("actor").only(*SHOWN)
    since = timezone.now() - preferences.JOBS_SHOWN
    dismissed = preferences.of(actor.user).dismissed_jobs
    ended = rows.exclude(state__in=OPEN_STATES).filter(ended_at__gte=since).order_by("-ended_at")
    latest = [job for job in ended[: MOST_ENDED + len(dismissed)] if str(job.pk) not in dismissed]
    shown = [*rows.filter(state__in=OPEN_STATES), *latest[:MOST_ENDED]]
    return [job_line(job, actor) for job in shown]
