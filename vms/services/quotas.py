"""Quotas: which limits bind a person, how much they leave, and reserving a part of it.

Every verb that makes a guest larger, or starts one, calls `reserve` in its first transaction or
does its work inside `held`. docs/quotas.md says what counts, and that the tightest limit wins.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from vms import languages, quotawords
from vms.hypervisor.errors import HostTimeout
from vms.models import VM, Group, Job, Quota, QuotaScope, Reservation, User
from vms.models.quota import UNLIMITED
from vms.policy import Actor, Person
from vms.problems import Invalid, NotFound, Problem
from vms.services import notices, usage
from vms.services.usage import Amounts, Resource

NEARLY = 0.9
HELD_S = 120
"""A reservation without a job ends by itself after so long, however its process ended."""
FIELDS = {Resource.GUESTS: "", Resource.RUNNING: "is_started"}
"""The field at which a refusal stands, where it is not called as the resource."""


class Unlimited(Enum):
    """Said explicitly, which is not the same as saying nothing."""

    UNLIMITED = "unlimited"


Limit = int | Unlimited | None
"""None: nothing is said."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a quota says of each resource."""

    guests: Limit = None
    running: Limit = None
    vcpus: Limit = None
    memory_mib: Limit = None
    disk_bytes: Limit = None

    def of(self, resource: Resource) -> Limit:
        """Return what is said of one resource."""
        limit: Limit = getattr(self, resource.value)
        return limit


@dataclass(frozen=True, slots=True)
class Ceiling:
    """One limit that binds a person. `whose` names it: "Your quota", "Your group “Students”"."""

    scope: QuotaScope
    whose: str
    resource: Resource
    limit: int
    used: int

    @property
    def left(self) -> int:
        """How much may still be taken; 0 where more is used already."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Source:
    """A quota that binds a person, with what counts to it."""

    scope: QuotaScope
    whose: str
    limits: Limits
    used: Amounts

    def ceilings(self) -> tuple[Ceiling, ...]:
        """List its limits that are numbers."""
        return tuple(
            Ceiling(self.scope, self.whose, resource, limit, self.used.of(resource))
            for resource in Resource
            if isinstance(limit := self.limits.of(resource), int)
        )


def read(row: Quota | None) -> Limits:
    """Read the limits of a row; nothing is said where there is none."""
    if row is None:
        return Limits()
    return Limits(**{each.value: _limit(getattr(row, each.value)) for each in Resource})


def _limit(value: int | None) -> Limit:
    return Unlimited.UNLIMITED if value == UNLIMITED else value


def word(resource: Resource, limit: Limit) -> str:
    """Write a limit as people read it; "" where nothing is said."""
    if limit is None:
        return ""
    if isinstance(limit, Unlimited):
        return quotawords.unlimited()
    return quotawords.bare(resource.value, limit)


def sources(actor: Actor, owner: User, *, but: VM | None = None) -> tuple[Source, ...]:
    """List the quotas that bind `owner`, worded for `actor`: his own, then those of his groups.

    Where his own says nothing of a resource, the default of the site does.
    """
    rows = Quota.objects.filter(
        Q(scope=QuotaScope.SITE) | Q(user=owner) | Q(group__memberships__user=owner)
    ).select_related("group")
    by_scope: dict[str, list[Quota]] = {scope: [] for scope in QuotaScope.values}
    for row in rows:
        by_scope[row.scope].append(row)
    own = read(next(iter(by_scope["user"]), None))
    site = read(next(iter(by_scope["site"]), None))
    is_his = isinstance(actor, Person) and actor.user.pk == owner.pk
    found = _personal(own, site, owner, is_his, but)
    for row in sorted(by_scope["group"], key=lambda row: str(row.group)):
        group = row.group
        if group is not None:
            name = "" if is_his else owner.username
            whose = quotawords.later(quotawords.whose_group, group.name, name)
            used = usage.of_group(group.pk, but=but)
            found.append(Source(QuotaScope.GROUP, whose, read(row), used))
    return tuple(found)


def _personal(own: Limits, site: Limits, owner: User, is_his: bool, but: VM | None) -> list[Source]:
    """Each resource by the person's own limit where there is one, else by the site's default."""
    parts = (
        (QuotaScope.USER, {one: own.of(one) for one in Resource}),
        (QuotaScope.SITE, {one: site.of(one) for one in Resource if own.of(one) is None}),
    )
    used: Amounts | None = None
    found = []
    for scope, limits in parts:
        said = {one.value: limit for one, limit in limits.items() if limit is not None}
        if said:
            used = used or usage.of_person(owner.pk, but=but)
            name = "" if is_his else owner.username
            whose = quotawords.later(quotawords.whose_person, scope.value, name)
            found.append(Source(scope, whose, Limits(**said), used))
    return found


def tightest(found: Iterable[Source]) -> dict[Resource, Ceiling]:
    """Return for each limited resource the ceiling that leaves least."""
    least: dict[Resource, Ceiling] = {}
    for ceiling in (each for source in found for each in source.ceilings()):
        known = least.get(ceiling.resource)
        if known is None or ceiling.left < known.left:
            least[ceiling.resource] = ceiling
    return least


def room(*, actor: Actor, owner: User | None) -> Mapping[Resource, Ceiling]:
    """Say what the tightest quota leaves to a person; a guest of nobody's is bound by none."""
    return tightest(sources(actor, owner)) if owner is not None else {}


def check(*, actor: Actor, vm: VM, wanted: Amounts) -> None:
    """Raise Invalid, with a problem per field, where a quota does not allow the guest to have that
    in all. What it has already is never refused.
    """
    _check(actor, vm, wanted, usage.of_guest(vm))


def _check(actor: Actor, vm: VM, wanted: Amounts, before: Amounts) -> Mapping[Resource, Ceiling]:
    """Return the ceilings that hold; `used` in them is what all other guests have."""
    if vm.owner is None:
        return {}
    problems = {}
    least = tightest(sources(actor, vm.owner, but=vm))
    for resource, ceiling in least.items():
        more = wanted.of(resource) - before.of(resource)
        if more > 0 and wanted.of(resource) > ceiling.left:
            problems[FIELDS.get(resource, resource.value)] = _refusal(
                ceiling, before.of(resource), more
            )
    if problems:
        raise Invalid(problems)
    return least


def _refusal(ceiling: Ceiling, before: int, more: int) -> Problem:
    resource, later = ceiling.resource.value, quotawords.later
    return Problem(
        f"quota-{resource.replace('_', '-')}",
        whose=ceiling.whose,
        limit=later(quotawords.amount, resource, ceiling.limit),
        used=later(quotawords.in_use, resource, ceiling.used + before),
        wanted=later(quotawords.wanted, resource, more, is_more=before > 0),
    )


def new_guest(*, actor: Actor, vm: VM, wanted: Amounts, job: Job | None = None) -> None:
    """Reserve what a guest whose row was just written will have; call in the same transaction.

    Raises Invalid; the transaction is then to be rolled back, the row with it.
    """
    _reserve(actor, vm, wanted, Amounts(), job)


def reserve(*, actor: Actor, vm: VM, wanted: Amounts, job: Job | None = None) -> Reservation | None:
    """Reserve what a guest is about to have in all (not: more); call in the first transaction.

    With `job` it counts until the job has ended, else until `release` or for `HELD_S` seconds.
    Raises Invalid with a problem per field.
    """
    return _reserve(actor, vm, wanted, None, job)


def _reserve(
    actor: Actor, vm: VM, wanted: Amounts, before: Amounts | None, job: Job | None
) -> Reservation | None:
    """`before` None: what the guest has by now, counted under the lock."""
    if vm.owner_id is None:
        return None
    _lock(vm.owner_id)
    Reservation.objects.filter(vm=vm).exclude(
        pk__in=usage.live_reservations(timezone.now()).values("pk")
    ).delete()
    had = usage.of_guest(vm) if before is None else before
    _tell_nearly_used(vm, had, wanted, _check(actor, vm, wanted, had))
    return Reservation.objects.create(
        vm=vm,
        job=job,
        is_running=wanted.running > 0,
        vcpus=wanted.vcpus,
        memory_mib=wanted.memory_mib,
        disk_bytes=wanted.disk_bytes,
        expires_at=timezone.now() + timedelta(seconds=0 if job else HELD_S),
    )


def _lock(owner_id: uuid.UUID) -> None:
    """Let one transaction at a time count and take: the owner's, then his groups' in one order.

    SQLite has the write lock from the transaction's beginning; PostgreSQL takes these rows. A new
    statement there sees what those before it have committed.
    """
    list(User.objects.select_for_update(no_key=True).filter(pk=owner_id).values_list("pk"))
    groups = Group.objects.filter(memberships__user=owner_id, quota__isnull=False)
    ids = sorted(groups.values_list("pk", flat=True))
    locked = Group.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    list(locked.values_list("pk"))


def _tell_nearly_used(
    vm: VM, before: Amounts, wanted: Amounts, least: Mapping[Resource, Ceiling]
) -> None:
    """Tell the owner, at most once a day, of each quota that this takes over nine tenths."""
    for resource, ceiling in least.items():
        nearly = ceiling.limit * NEARLY
        after = ceiling.used + wanted.of(resource)
        if vm.owner is None or after < nearly or ceiling.used + before.of(resource) >= nearly:
            continue
        with languages.speaking(vm.owner.language):
            params = {
                "used": quotawords.bare(resource.value, after),
                "limit": quotawords.amount(resource.value, ceiling.limit),
                "quota": f"“{ceiling.whose}”",
            }
        key = f"quota-{ceiling.scope}-{resource}-{ceiling.limit}-{timezone.now():%Y%m%d}"
        notices.tell(user=vm.owner, kind=notices.QUOTA, params=params, once_key=key)


def release(reservation: Reservation | None) -> None:
    """Give a reservation back: what was done can be seen by now, or was not done."""
    if reservation is not None:
        Reservation.objects.filter(pk=reservation.pk).delete()


@contextmanager
def held(*, actor: Actor, vm: VM, wanted: Amounts) -> Iterator[None]:
    """Reserve for the length of a block that acts on the host outside any transaction.

    A host that did not answer in time may still do it: then the reservation runs out by itself.
    Raises NotFound for a guest that was deleted meanwhile, and what `reserve` raises.
    """
    try:
        with transaction.atomic():
            reservation = reserve(actor=actor, vm=vm, wanted=wanted)
    except IntegrityError:
        if VM.objects.filter(pk=vm.pk).exists():
            raise
        raise NotFound("vm") from None
    try:
        yield
    except HostTimeout:
        raise
    except BaseException:
        release(reservation)
        raise
    release(reservation)


@contextmanager
def more_disk(*, actor: Actor, vm: VM, bytes_more: int) -> Iterator[None]:
    """As `held`, while a disk of a guest becomes larger. Raises Invalid("capacity_bytes")."""
    now = usage.of_guest(vm)
    wanted = replace(now, disk_bytes=now.disk_bytes + bytes_more)
    try:
        with held(actor=actor, vm=vm, wanted=wanted):
            yield
    except Invalid as problem:
        raise Invalid({"capacity_bytes": problem.fields.get("disk_bytes", problem)}) from None
