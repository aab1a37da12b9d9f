"""How far the fields of a new guest go: what its template proposes and what its host has."""

from __future__ import annotations

from dataclasses import dataclass

from vms import messages
from vms.hypervisor.blueprint import DiskOrigin, DiskPlan
from vms.models import Pool, Template, Volume
from vms.problems import Problem
from vms.services import fitting, readiness

SMALLEST_DISK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """One disk of the template: its plan, the size proposed, and how small and large it can be."""

    plan: DiskPlan
    pool: str
    proposed_bytes: int
    min_bytes: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class CreateLimits:
    """How far the fields of the form go, from what was last seen on the host."""

    max_vcpus: int
    max_memory_mib: int
    min_memory_mib: int
    disks: tuple[DiskRoom, ...]

    @property
    def min_disk_bytes(self) -> int:
        """How small the first disk can be."""
        return self.disks[0].min_bytes if self.disks else 0

    @property
    def max_disk_bytes(self) -> int:
        """How large the first disk can be."""
        return self.disks[0].max_bytes if self.disks else 0


def limits(template: Template, image: Volume | None) -> CreateLimits:
    """Say how large a guest from this template can be; `image` as its status has it."""
    facts = template.host.facts
    return CreateLimits(
        max_vcpus=int(facts.get("cpus") or fitting.MAX_VCPUS),
        max_memory_mib=int(facts.get("memory_mib") or 1 << 30),
        min_memory_mib=fitting.MIN_MEMORY_MIB,
        disks=_disks(template, image),
    )


def _disks(template: Template, image: Volume | None) -> tuple[DiskRoom, ...]:
    plans = template.plan.disks
    names = {plan.source_volume for plan in plans}
    stock = fitting.stocks_of([template.host], names)[template.host_id]
    return tuple(
        _room(
            plan,
            stock.pools.get(plan.pool or template.pool_name),
            stock.volumes.get((plan.source_pool, plan.source_volume))
            if plan.source_volume
            else image,
        )
        for plan in plans
    )


def _room(plan: DiskPlan, pool: Pool | None, source: Volume | None) -> DiskRoom:
    is_blank = plan.origin is DiskOrigin.BLANK or source is None
    smallest = SMALLEST_DISK_BYTES if is_blank or source is None else source.capacity_bytes
    return DiskRoom(
        plan=plan,
        pool=pool.name if pool else plan.pool,
        proposed_bytes=max(plan.size_bytes, smallest),
        min_bytes=smallest,
        max_bytes=max(smallest, pool.available_bytes if pool else 0),
    )


def sizes(
    room: CreateLimits, first: int | None, more: tuple[int | None, ...]
) -> tuple[list[int], dict[str, Problem]]:
    """Return the size of each disk, what was asked for or else what is proposed, and what is wrong
    with them.
    """
    wanted = dict(enumerate((first, *more)))
    chosen, errors = [], {}
    for index, disk in enumerate(room.disks):
        asked = wanted.get(index)
        chosen.append(disk.proposed_bytes if asked is None else asked)
        if problem := _size_problem(disk, chosen[-1]):
            errors[fitting.disk_key(index, "size_bytes")] = problem
    return chosen, errors


def _size_problem(disk: DiskRoom, size_bytes: int) -> Problem | None:
    if size_bytes < disk.min_bytes:
        return Problem("disk-under-image", limit=messages.size(disk.min_bytes))
    if size_bytes > disk.max_bytes:
        return Problem("disk-over-pool", pool=disk.pool, limit=messages.size(disk.max_bytes))
    return None


def of(template: Template) -> CreateLimits:
    """`limits` with the image as it was last seen."""
    return limits(template, readiness.status(template).image)
