"""What happens as a lease ends: warnings, shutting down, deleting. The worker calls `run_due`.

Time is handed in. Everything is done as the system itself, with the same services as a person's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db.models import Q

from vms import limitwords
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.types import Verb
from vms.live import publish
from vms.models import AuditPhase, Lease
from vms.policy import SystemActor
from vms.problems import Problem
from vms.services import audit, busy, deletion, notices, power
from vms.services.leases import WARNINGS

log = structlog.get_logger(__name__)

AGAIN = timedelta(minutes=10)
"""So long after a shutdown what still runs is powered off; after a failure it is tried again."""


def run_due(now: datetime) -> int:
    """Do what is due now; return to how many guests something was done. One failing keeps none of
    the others back.
    """
    rows = Lease.objects.select_related("vm", "vm__host", "vm__owner", "vm__template")
    soon = Q(expires_at__lte=now + timedelta(days=max(WARNINGS)))
    return sum(_look_at(lease, now) for lease in rows.filter(soon).order_by("expires_at"))


def _look_at(lease: Lease, now: datetime) -> bool:
    if now < lease.expires_at:
        return _warn(lease, now)
    if busy.blocker(lease.vm) or not lease.vm.host.is_connected:
        return False
    if lease.tried_at is not None and now < lease.tried_at + AGAIN:
        return False
    if now >= lease.deleted_at:
        return _act(lease, now, _delete)
    return lease.vm.is_active and _act(lease, now, _stop)


def _warn(lease: Lease, now: datetime) -> bool:
    """Give the warning that is due, once, and not those that it makes pointless."""
    due = [days for days in WARNINGS if lease.expires_at - now <= timedelta(days=days)]
    days = min(due)
    if lease.warned_days is not None and lease.warned_days <= days:
        return False
    # Claimed by the count of an update, so that two workers give one warning.
    free = Q(warned_days=None) | Q(warned_days__gt=days)
    if not Lease.objects.filter(free, pk=lease.pk).update(warned_days=days):
        return False
    trail = audit.Trail(
        SystemActor(), "lease.warn", audit.about(lease.vm), detail={"days before": days}
    )
    audit.write(trail, AuditPhase.SUCCEEDED)
    tell_owner(lease, days)
    publish.vm_changed(str(lease.vm.pk), lease.vm.revision)
    return True


def tell_owner(lease: Lease, days: int) -> None:
    """Tell the owner that his guest ends in so many days: the one place for mail and notices."""
    vm, owner = lease.vm, lease.vm.owner
    if owner is None:
        return
    params = {"name": vm.name, "on": limitwords.day(lease.expires_at), "vm": str(vm.pk)}
    key = f"lease-{vm.pk}-{lease.expires_at:%Y%m%d%H%M}-{days}"
    notices.tell(user=owner, kind=notices.LEASE_ENDS, params=params, once_key=key)


def _act(lease: Lease, now: datetime, act: Callable[[Lease], None]) -> bool:
    # Claimed by the count of an update: an end that was moved meanwhile is not this one.
    same = Lease.objects.filter(pk=lease.pk, expires_at=lease.expires_at, tried_at=lease.tried_at)
    if not same.update(tried_at=now):
        return False
    try:
        act(lease)
    except (Problem, HypervisorError) as error:
        log.warning("lease-not-ended", vm=str(lease.vm.pk), code=error.code)
        return False
    return True


def _stop(lease: Lease) -> None:
    """Ask it to shut down, and power it off where it did not."""
    verb = Verb.POWER_OFF if lease.was_shut_down else Verb.SHUTDOWN
    lease.was_shut_down = True
    lease.save(update_fields=["was_shut_down"])
    power.perform(actor=SystemActor(), vm_id=lease.vm.pk, verb=verb)


def _delete(lease: Lease) -> None:
    """Delete the guest with the disks that were made with it; others stay."""
    actor, vm = SystemActor(), lease.vm
    own = deletion.own_disks(actor=actor, vm=vm)
    deletion.delete(actor=actor, vm_id=vm.pk, delete_disks=frozenset(disk.target for disk in own))
