"""Runs one job: claimed once, whatever the queue does, and always brought to an end."""

from __future__ import annotations

import uuid

import structlog
from django.db import close_old_connections, connection

from vms import queue
from vms.hypervisor.errors import HypervisorError
from vms.models import Job
from vms.problems import Problem
from vms.services import job_kinds, jobs

log = structlog.get_logger(__name__)


def run(job_id: uuid.UUID) -> None:
    """Run a job if it is still queued; its end, good or bad, stands in its row."""
    _drop_old_connections()
    try:
        job = jobs.start(job_id)
        if job is not None:
            jobs.finish(job_id, _outcome(job))
    finally:
        _drop_old_connections()


def _drop_old_connections() -> None:
    """Close what outlived its time, except under a transaction of whoever runs the job at once."""
    if not connection.in_atomic_block:
        close_old_connections()


def _outcome(job: Job) -> Exception | None:
    try:
        job_kinds.kind_of(job).run(job)
    except (jobs.Cancelled, Problem, HypervisorError) as error:
        return error
    except Exception as error:  # top loop of jobs: the row says that it failed, the log says why
        log.exception("job-failed", job=str(job.pk), kind=job.kind)
        return error
    return None


queue.register_runner(run)
