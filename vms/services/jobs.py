"""The life of a job: asked for, claimed, moved from step to step, ended; and what a crash left
behind.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.utils import timezone

from vms import languages, queue, selectors
from vms.hypervisor.errors import HypervisorError
from vms.live import publish
from vms.models import VM, AuditEntry, AuditPhase, Job, JobState
from vms.models.job import OPEN_STATES
from vms.policy import Action, Actor, Door, Person, SystemActor
from vms.problems import Problem, Refused
from vms.services import audit, job_kinds, notices, undo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = structlog.get_logger(__name__)

SECRET_PARAMS = ("password_hash",)
"""Parameters that are wiped from the row as soon as the job has ended."""
PROGRESS_S = 0.5
"""Bytes are written, and a wish to stop is looked for, no more often than this."""


class Cancelled(Exception):
    """Raised by `step` and `progress` when somebody asked the job to stop."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a service asks the worker to do.

    No other job has the guest `vm` or the thing `target` meanwhile; without a target it is the
    guest that the job is about.
    """

    kind: str
    vm: VM | None
    params: Mapping[str, object]
    steps_total: int
    undo: Sequence[Sequence[str]] = ()
    """What the request itself made and must go if the job does not end well."""
    target: audit.Target | None = None

    @property
    def about(self) -> audit.Target:
        """What the job is about. Raises ValueError where neither is named."""
        if self.target is not None:
            return self.target
        if self.vm is None:
            raise ValueError(self.kind)
        return audit.about(self.vm)


def request(*, actor: Actor, new: NewJob, correlation: uuid.UUID) -> Job:
    """Write the job and put it into the queue on commit; call inside a transaction.

    Raises IntegrityError when another job has the guest or the target.
    """
    about = new.about
    job = Job.objects.create(
        kind=new.kind,
        vm=new.vm,
        vm_uuid=new.vm.pk if new.vm else None,
        actor=actor.user if isinstance(actor, Person) else None,
        target_kind=about.kind,
        target_id=about.id or None,
        target_name=about.name[:200],
        params=dict(new.params),
        steps_total=new.steps_total,
        undo=[list(note) for note in new.undo],
        correlation=correlation,
    )
    queue.enqueue_on_commit(job.pk)
    announce(job)
    return job


def open_about(kind: str, thing_id: uuid.UUID) -> Job | None:
    """Return the job that has the thing now, if any."""
    rows = Job.objects.filter(target_kind=kind, target_id=thing_id, state__in=OPEN_STATES)
    return rows.first()


def announce(job: Job) -> None:
    """Tell the pages on commit that the job moved."""
    vm_id = str(job.vm_uuid) if job.vm_uuid else None
    actor_id = str(job.actor_id) if job.actor_id else None
    transaction.on_commit(lambda: publish.job_changed(vm_id, str(job.pk), actor_id))


def start(job_id: uuid.UUID) -> Job | None:
    """Claim a queued job; None when it is gone, was claimed already, or was cancelled while it
    waited.
    """
    claimed = Job.objects.filter(pk=job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING, started_at=timezone.now()
    )
    if not claimed:
        return None
    job = Job.objects.select_related("vm", "vm__host", "vm__template", "actor").get(pk=job_id)
    announce(job)
    return job


def step(job: Job, code: str, done: int) -> None:
    """Say which step comes now and how many are done; raises Cancelled when somebody asked to
    stop.
    """
    job.refresh_from_db(fields=["is_cancel_requested"])
    if job.is_cancel_requested:
        raise Cancelled
    advance(job, code, done)


def advance(job: Job, code: str, done: int) -> None:
    """Say which step comes now where it is too late to stop."""
    job.step, job.steps_done = code, done
    job.save(update_fields=["step", "steps_done"])
    announce(job)


def progress(job: Job, done_bytes: int, total_bytes: int) -> None:
    """Say how many bytes of how many are moved; as often as one likes, it is told twice a second.

    Raises Cancelled when somebody asked to stop.
    """
    is_edge = total_bytes != job.bytes_total or (done_bytes == total_bytes != job.bytes_done)
    now_s = time.monotonic()
    if not is_edge and now_s - job.told_at_s < PROGRESS_S:
        return
    job.told_at_s = now_s
    job.bytes_done, job.bytes_total = done_bytes, total_bytes
    job.save(update_fields=["bytes_done", "bytes_total"])
    announce(job)
    job.refresh_from_db(fields=["is_cancel_requested"])
    if job.is_cancel_requested:
        raise Cancelled


def made(job: Job, kind: str, *values: str) -> None:
    """Note, before it is made, a thing that must go if the job does not end well."""
    job.undo = [*job.undo, [kind, *values]]
    job.save(update_fields=["undo"])


def finish(job_id: uuid.UUID, error: Exception | None) -> None:
    """End a job: without error it succeeded; otherwise what it made is removed and the reason is
    kept.
    """
    job = Job.objects.select_related("vm", "vm__host", "actor").get(pk=job_id)
    if job.state not in OPEN_STATES:
        return
    if error is None:
        job.undo = []
        _end(job, JobState.SUCCEEDED)
        return
    if isinstance(error, Cancelled):
        _end(job, JobState.CANCELLED, Problem("job-cancelled"))
    elif isinstance(error, (Problem, HypervisorError)):
        _end(job, JobState.FAILED, error)
    else:
        _end(job, JobState.FAILED, Problem("internal"))
    undo.clean_up(job)


def _end(job: Job, state: JobState, error: Problem | HypervisorError | None = None) -> None:
    job.state, job.ended_at = state, timezone.now()
    job.error_code = error.code if error else ""
    job.error_params = languages.for_keeping(error.params) if error else {}
    job.params = {key: value for key, value in job.params.items() if key not in SECRET_PARAMS}
    if state is JobState.SUCCEEDED:
        job.step, job.steps_done = "done", job.steps_total
    with transaction.atomic():
        job.save()
        job.reservations.all().delete()
        audit.ended(_trail(job), error)
        if state in {JobState.FAILED, JobState.INTERRUPTED}:
            _tell(job)
        announce(job)
    log.info("job ended", job=str(job.pk), kind=job.kind, state=str(state), code=job.error_code)


def _tell(job: Job) -> None:
    """Tell whoever asked for the job that it did not end well."""
    if job.actor is None:
        return
    params = {
        "kind": job.kind,
        "name": job.target_name,
        "code": job.error_code,
        "why": job.error_params,
        "step": job.step,
        "vm": str(job.vm_id or ""),
    }
    notices.tell(
        user=job.actor, kind=notices.JOB_FAILED, params=params, once_key=f"job-failed {job.pk}"
    )


def _trail(job: Job) -> audit.Trail:
    """The trail that began with the line "requested" which this job answers."""
    correlation = job.correlation or uuid.uuid4()
    lines = AuditEntry.objects.filter(correlation=correlation, phase=AuditPhase.REQUESTED)
    asked = lines.first()
    door = Door(asked.door) if asked else Door.WORKER
    actor: Actor = SystemActor() if job.actor is None else Person(job.actor, door)
    target = audit.Target(job.target_kind, str(job.target_id or job.vm_uuid or ""), job.target_name)
    action = asked.action if asked else job.kind
    return audit.Trail(actor, action, target, correlation=correlation)


def cancel(*, actor: Actor, job_id: selectors.Identifier) -> Job:
    """Ask a job to stop: one that waits ends at once, one that runs at its next step.

    Raises Refused when it has ended already.
    """
    job = selectors.job(actor, job_id, Action.JOB_CANCEL)
    if not job.is_open:
        raise Refused("job-ended")
    audit.write(
        audit.Trail(
            actor, Action.JOB_CANCEL.value, audit.Target("job", str(job.pk), job.target_name)
        ),
        AuditPhase.SUCCEEDED,  # that it was asked to stop; how it ended is its own line
    )
    Job.objects.filter(pk=job.pk).update(is_cancel_requested=True)
    if Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(state=JobState.RUNNING):
        finish(job.pk, Cancelled())
    job.refresh_from_db()
    return job


def repeat(*, actor: Actor, job_id: selectors.Identifier) -> Job:
    """Ask once more for what a job did not do, with every check of the first time.

    Raises Refused where it is under way, was done, or cannot be repeated safely.
    """
    job = selectors.job(actor, job_id, Action.JOB_REPEAT)
    if job.is_open:
        raise Refused("job-not-ended")
    again = job_kinds.kind_of(job).again
    if again is None or not job.has_ended_badly:
        raise Refused("job-not-repeatable")
    if job.undo:
        raise Refused("job-clean-up-waits")
    return again(actor, job)


def recover_interrupted() -> None:
    """After a start: mark what was running as interrupted, clean up after it, queue again what
    waited.

    Call only where no other process runs jobs.
    """
    for job in Job.objects.select_related("vm", "vm__host", "actor").filter(state=JobState.RUNNING):
        _end(job, JobState.INTERRUPTED, Problem("job-interrupted"))
    for waiting in Job.objects.filter(state=JobState.QUEUED):
        queue.run_job(str(waiting.pk))
    clean_up_ended()


def clean_up_ended() -> None:
    """Try again to remove what ended jobs left behind, where the host was away before."""
    left = Job.objects.exclude(undo=[]).exclude(state__in=OPEN_STATES)
    for job in left.select_related("vm", "vm__host", "actor"):
        undo.clean_up(job)
