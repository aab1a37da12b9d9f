"""Leases: the end that a guest gets when it is made, and moving it within what its owner may.

What happens as an end comes near is services/lease_watch.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from vms import circles, limitwords, selectors
from vms.hypervisor import domains
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.xml.parse import parse_metadata
from vms.live import publish
from vms.models import VM, Lease, LeaseRule, User
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import audit, busy, creation, hosts

log = structlog.get_logger(__name__)

WARNINGS = (7, 3, 1)
"""Days before the end."""
MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Rule:
    """How long guests live: see `LeaseRule`."""

    default_days: int | None = None
    max_days: int | None = None
    grace_days: int = 7


def rule_for(owner: User | None) -> Rule:
    """Return the rule for somebody's guests: of all rules of his groups the tightest of each part,
    the site's where none of his groups has one.
    """
    if owner is None:
        return Rule()
    rows = list(LeaseRule.objects.filter(group__memberships__user=owner))
    return _tightest(rows or list(LeaseRule.objects.filter(is_for_all=True)))


def _tightest(rows: list[LeaseRule]) -> Rule:
    if not rows:
        return Rule()
    return Rule(
        default_days=min((row.default_days for row in rows if row.default_days), default=None),
        max_days=min((row.max_days for row in rows if row.max_days), default=None),
        grace_days=min(row.grace_days for row in rows),
    )


def begin(vm: VM, *, now: datetime) -> None:
    """Give a new guest the end that the rule of its owner says; call in its first transaction."""
    rule = rule_for(vm.owner)
    days = rule.default_days or rule.max_days
    if days:
        expires_at = now + timedelta(days=days)
        Lease.objects.create(vm=vm, expires_at=expires_at, grace_days=rule.grace_days)


def of(vm: VM) -> Lease | None:
    """Return the lease of a guest, if it has one."""
    return Lease.objects.filter(vm=vm).first()


def is_over(lease: Lease | None, now: datetime) -> bool:
    """Say whether the end has come."""
    return lease is not None and lease.expires_at <= now


def require_going(vm: VM) -> None:
    """Refuse to start a guest whose end has come."""
    lease = of(vm)
    if lease is not None and is_over(lease, timezone.now()):
        raise Refused("lease-over", date=limitwords.day(lease.expires_at))


def furthest(*, actor: Actor, vm: VM, now: datetime) -> datetime | None:
    """Return until when the actor may let the guest live; None for as long as he likes."""
    if can(actor, Action.LEASE_MANAGE, vm):
        return None
    days = rule_for(vm.owner).max_days
    return now + timedelta(days=days) if days else None


def set_end(*, actor: Actor, vm_id: selectors.Identifier, until: datetime | None) -> VM:
    """Move the end of a guest, or with None take it away; the warnings begin anew.

    Raises NotFound, Forbidden, Invalid("until").
    """
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    busy.require_free(vm)
    now = timezone.now()
    if problem := _problem(until, furthest(actor=actor, vm=vm, now=now), now):
        raise Invalid({"until": problem})
    detail = {"until": until.astimezone(UTC).isoformat() if until else "never"}
    trail = audit.Trail(actor, "vm.lease", audit.about(vm), detail=dict(detail))
    with transaction.atomic(), audit.audited(trail):
        _store(vm, until)
        VM.objects.filter(pk=vm.pk).update(revision=F("revision") + 1)
        vm.refresh_from_db(fields=["revision"])
        transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    remember(vm)
    return vm


def _problem(until: datetime | None, limit: datetime | None, now: datetime) -> Problem | None:
    if until is None:
        return Problem("lease-needed", date=limitwords.day(limit)) if limit else None
    if until <= now:
        return Problem("lease-past")
    if until > now + timedelta(days=MAX_DAYS):
        return Problem("lease-too-far", date=limitwords.day(now + timedelta(days=MAX_DAYS)))
    if limit is not None and until > limit + timedelta(days=1):
        return Problem("lease-too-far", date=limitwords.day(limit))
    return None


def _store(vm: VM, until: datetime | None) -> None:
    if until is None:
        Lease.objects.filter(vm=vm).delete()
        return
    fresh = {"warned_days": None, "tried_at": None, "was_shut_down": False}
    grace_days = rule_for(vm.owner).grace_days
    Lease.objects.update_or_create(
        vm=vm, defaults={"expires_at": until, "grace_days": grace_days, **fresh}
    )


def remember(vm: VM) -> None:
    """Write the end into the domain's metadata, where kvmweb made that domain and its host is
    there; else it is written with the next thing.
    """
    if vm.is_creating or not vm.host.is_connected or parse_metadata(vm.xml) is None:
        return
    try:
        link = hosts.connection(vm.host)
        domains.set_metadata(link, str(vm.domain_uuid), creation.metadata(vm))
    except HypervisorError as error:
        log.warning("lease not written to the host", vm=str(vm.pk), code=error.code)


def set_rule(*, actor: Actor, group_id: selectors.Identifier | None, rule: Rule) -> None:
    """Say how long the guests of a group's members live, without a group everybody's.

    Guests that are there keep the end that they have. Raises NotFound, Forbidden, Invalid.
    """
    if not can(actor, Action.LEASE_MANAGE):
        raise Forbidden("forbidden", action=Action.LEASE_MANAGE.value)
    if errors := _rule_errors(rule):
        raise Invalid(errors)
    group = None if group_id is None else circles.group(actor, group_id)
    target = audit.Target("group", str(group.pk), group.name) if group else audit.Target("site")
    detail = {
        "default_days": rule.default_days or "none",
        "max_days": rule.max_days or "none",
        "grace_days": rule.grace_days,
    }
    trail = audit.Trail(actor, "lease.set-rule", target, detail=dict(detail))
    with transaction.atomic(), audit.audited(trail):
        if rule == Rule():
            LeaseRule.objects.filter(group=group).delete()
        else:
            LeaseRule.objects.update_or_create(
                group=group, is_for_all=group is None, defaults=_columns(rule)
            )


def rule(*, actor: Actor, group_id: selectors.Identifier | None) -> Rule:
    """Read the rule of a group, or without one of everybody. Raises NotFound, Forbidden."""
    if group_id is None and not can(actor, Action.QUOTA_VIEW):
        raise Forbidden("forbidden", action=Action.QUOTA_VIEW.value)
    group = None if group_id is None else circles.group(actor, group_id)
    return _tightest(list(LeaseRule.objects.filter(group=group)))


def _columns(rule: Rule) -> dict[str, int | None]:
    return {
        "default_days": rule.default_days,
        "max_days": rule.max_days,
        "grace_days": rule.grace_days,
    }


def _rule_errors(rule: Rule) -> dict[str, Problem]:
    errors = {
        name: Problem("lease-days", limit=MAX_DAYS)
        for name, days in _columns(rule).items()
        if days is not None and not (0 if name == "grace_days" else 1) <= days <= MAX_DAYS
    }
    if not errors and rule.default_days and rule.max_days and rule.default_days > rule.max_days:
        errors["default_days"] = Problem("too-large", limit=rule.max_days)
    return errors
