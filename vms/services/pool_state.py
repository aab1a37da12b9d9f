"""Whether a pool can be worked with, as last seen."""

from __future__ import annotations

from vms.hypervisor.types import PoolState
from vms.models import Pool
from vms.problems import Problem

SILENT = "pool-silent"


def pool_problem(pool: Pool) -> Problem | None:
    """Say why nothing can be done in the pool now; None where it runs."""
    if pool.is_active:
        return None
    is_silent = pool.state == PoolState.INACCESSIBLE.value
    return Problem(SILENT if is_silent else "pool-inactive", name=pool.name)
