"""Jobs as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from vms import messages, selectors
from vms.models import Job, JobState
from vms.policy import Person

SHOWN = 8
RECENT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in a menu or a row; `text` says what happens now or how it ended."""

    id: str
    title: str
    target: str
    text: str
    state: str
    is_open: bool
    is_cancel_requested: bool
    percent: int
    steps: str


def job_line(job: Job) -> JobLine:
    """Word one job."""
    return JobLine(
        id=str(job.pk),
        title=job.get_kind_display(),
        target=job.target_name,
        text=_text(job),
        state=str(job.state),
        is_open=job.is_open,
        is_cancel_requested=job.is_cancel_requested,
        percent=job.percent,
        steps=f"{min(job.steps_done + 1, job.steps_total)}/{job.steps_total}",
    )


def _text(job: Job) -> str:
    if job.is_open:
        return messages.step(job.step)
    if job.error_code:
        return messages.sentence_for(job.error_code, job.error_params)
    return str(JobState(job.state).label)


def job_lines(actor: Person) -> list[JobLine]:
    """Word the jobs under way and those that ended in the last hours, newest first."""
    since = timezone.now() - RECENT
    rows = selectors.jobs(actor).filter(created_at__gte=since)[:SHOWN]
    return [job_line(job) for job in rows]
