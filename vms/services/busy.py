"""What keeps a guest from being acted upon: it is still being made, or a job has it."""

from __future__ import annotations

from vms.models import VM, Job
from vms.models.job import OPEN_STATES
from vms.problems import Refused


def open_job(vm: VM) -> Job | None:
    """Return the job that has the guest; uses what `selectors.vms` prefetched where it did."""
    prefetched: list[Job] | None = getattr(vm, "open_jobs", None)
    if prefetched is not None:
        return prefetched[0] if prefetched else None
    return Job.objects.filter(vm=vm, state__in=OPEN_STATES).first()


def blocker(vm: VM) -> str:
    """Return the code of what keeps the guest from being acted upon, or ""."""
    if vm.is_creating:
        return "is-being-made"
    if open_job(vm) is not None:
        return "job-under-way"
    return ""


def require_free(vm: VM) -> None:
    """Refuse while something else is being done with the guest."""
    code = blocker(vm)
    if code:
        raise Refused(code)
