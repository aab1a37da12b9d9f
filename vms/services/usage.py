"""What people use: counted in one statement over the rows of guests and what is reserved for them.

Reads only. A guest counts for its owner, on or off, whoever made it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from vms.hypervisor.types import ACTIVE_STATES
from vms.models import VM, Membership, Reservation
from vms.models.job import OPEN_STATES


class Resource(StrEnum):
    """What is limited."""

    GUESTS = "guests"
    RUNNING = "running"
    VCPUS = "vcpus"
    MEMORY = "memory_mib"
    DISK = "disk_bytes"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each resource."""

    guests: int = 0
    running: int = 0
    vcpus: int = 0
    memory_mib: int = 0
    disk_bytes: int = 0

    def of(self, resource: Resource) -> int:
        """Return how much of one resource."""
        return int(getattr(self, resource.value))


def of_person(user_id: uuid.UUID, *, but: VM | None = None) -> Amounts:
    """Count what somebody's guests have; `but` leaves one of them out."""
    return _sum(VM.objects.filter(owner=user_id), but)


def of_group(group_id: uuid.UUID, *, but: VM | None = None) -> Amounts:
    """Count what the guests of all members of a group have."""
    return _sum(VM.objects.filter(owner__memberships__group=group_id), but)


def by_person() -> dict[uuid.UUID, Amounts]:
    """Count for everybody who owns a guest: one statement."""
    return _grouped(VM.objects.filter(owner__isnull=False), "owner")


def by_group() -> dict[uuid.UUID, Amounts]:
    """Count for every group whose members own a guest: one statement."""
    return _grouped(VM.objects.all(), "owner__memberships__group")


def members() -> dict[uuid.UUID, int]:
    """Count the members of every group that has any."""
    rows = Membership.objects.order_by().values_list("group").annotate(Count("pk"))
    return dict(rows)


def of_guest(vm: VM) -> Amounts:
    """Count what one guest has."""
    return _sum(VM.objects.filter(pk=vm.pk), None)


def live_reservations(now: datetime) -> QuerySet[Reservation]:
    """Reservations that count now."""
    return Reservation.objects.filter(Q(job__state__in=OPEN_STATES) | Q(expires_at__gt=now))


def _sum(rows: QuerySet[VM], but: VM | None) -> Amounts:
    """Sum up in one statement, so that nothing is missed that ends between two."""
    if but is not None:
        rows = rows.exclude(pk=but.pk)
    return _amounts(_counted(rows).aggregate(**_SUMS))


def _grouped(rows: QuerySet[VM], by: str) -> dict[uuid.UUID, Amounts]:
    found = _counted(rows).order_by().values(by).annotate(**_SUMS)
    return {row[by]: _amounts(row) for row in found if row[by] is not None}


def _amounts(row: Mapping[str, Any]) -> Amounts:  # Any: as an aggregate gives it
    return Amounts(**{each.value: int(row[f"sum_{each}"]) for each in Resource})


def _counted(rows: QuerySet[VM]) -> QuerySet[VM]:
    """Give each guest what it has or, where that is more, what is reserved for it."""
    held = live_reservations(timezone.now()).filter(vm=OuterRef("pk"))
    return rows.annotate(
        is_held=Exists(held.filter(is_running=True)),
        **{f"most_{name}": _most(held, name) for name in ("vcpus", "memory_mib", "disk_bytes")},
    )


_ACTIVE = Q(state__in=[state.value for state in ACTIVE_STATES])
_SUMS = {
    "sum_guests": Count("pk"),
    "sum_running": Count("pk", filter=_ACTIVE | Q(is_held=True)),
    "sum_vcpus": Coalesce(Sum("most_vcpus"), 0),
    "sum_memory_mib": Coalesce(Sum("most_memory_mib"), 0),
    "sum_disk_bytes": Coalesce(Sum("most_disk_bytes"), 0),
}
"""Named apart from the columns of the guest, which they would hide."""


def _most(held: QuerySet[Reservation], name: str) -> Greatest:
    """The larger of what a guest has and what is reserved for it."""
    largest = held.order_by(f"-{name}").values(name)[:1]
    return Greatest(name, Coalesce(Subquery(largest), 0))
