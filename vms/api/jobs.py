"""Jobs: what takes time, how far it is, and stopping it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from vms import selectors
from vms.api import represent
from vms.api.auth import actor_of
from vms.api.inputs import JobFilter
from vms.api.once import ONCE, once_a_job
from vms.api.paging import each, page
from vms.api.schemas.jobs import JobInfo, JobPage
from vms.services import jobs

router = Router(tags=["jobs"])


@router.get("", response=JobPage, operation_id="list_jobs", summary="List jobs")
def list_jobs(request: HttpRequest, wanted: Query[JobFilter]) -> JobPage:
    """List the jobs you may see, newest first."""
    rows = selectors.jobs(actor_of(request)).defer("vm__xml")
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.target:
        rows = rows.filter(target_id=wanted.target)
    if wanted.vm:
        rows = rows.filter(vm_uuid=wanted.vm)
    return page(JobPage, rows, wanted, each(represent.job))


@router.get(
    "/{job_id}",
    response=JobInfo,
    operation_id="get_job",
    summary="Look at a job",
    url_name="get_job",
)
def get_job(request: HttpRequest, job_id: UUID) -> JobInfo:
    """Show a job: its step, how far it is, and why it failed."""
    return represent.job(selectors.job(actor_of(request), job_id))


@router.post(
    "/{job_id}/cancel", response={202: JobInfo}, operation_id="cancel_job", summary="Cancel a job"
)
def cancel_job(request: HttpRequest, job_id: UUID) -> Status[JobInfo]:
    """Ask a job to stop: one that waits ends at once, one that runs at its next step."""
    return Status(202, represent.job(jobs.cancel(actor=actor_of(request), job_id=job_id)))


@router.post(
    "/{job_id}/repeat",
    response={202: JobInfo},
    operation_id="repeat_job",
    summary="Try again",
    openapi_extra=ONCE,
)
def repeat_job(request: HttpRequest, job_id: UUID, response: HttpResponse) -> Status[JobInfo]:
    """Ask once more for what a job did not do; answers the new job. See `can_repeat`."""
    return once_a_job(
        request, response, lambda: jobs.repeat(actor=actor_of(request), job_id=job_id)
    )
