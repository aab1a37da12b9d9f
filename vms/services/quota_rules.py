"""Who sets quotas and who may look at them; what they then allow is services/quotas.py's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from vms import circles, selectors
from vms.live import publish
from vms.models import Group, Quota, QuotaScope, User
from vms.models.quota import UNLIMITED
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, Problem
from vms.services import audit, quotas, usage
from vms.services.quotas import Limit, Limits, Source, Unlimited
from vms.services.usage import Amounts, Resource

LARGEST = {Resource.DISK: 2**63 - 1}
LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person with what his own quota says and what he uses."""

    user: User
    limits: Limits
    used: Amounts


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group with what its quota says and what its members use together."""

    group: Group
    members: int
    limits: Limits
    used: Amounts


def mine(*, actor: Person) -> tuple[Source, ...]:
    """List the quotas that bind the actor himself, with what is used."""
    return quotas.sources(actor, actor.user)


def of_site(*, actor: Actor) -> Limits:
    """Read the default for everybody who has no quota of his own. Raises Forbidden."""
    _require(actor, Action.QUOTA_VIEW)
    return quotas.read(Quota.objects.filter(scope=QuotaScope.SITE).first())


def of_user(*, actor: Actor, user_id: selectors.Identifier) -> PersonLine:
    """Read somebody's own quota and what he uses. Raises NotFound, Forbidden."""
    _require(actor, Action.QUOTA_VIEW)
    user = selectors.person_to_look_at(actor, user_id)
    row = Quota.objects.filter(user=user).first()
    return PersonLine(user, quotas.read(row), usage.of_person(user.pk))


def of_group(*, actor: Actor, group_id: selectors.Identifier) -> GroupLine:
    """Read a group's quota and what its members use; its members may. Raises NotFound."""
    group = circles.group(actor, group_id)
    row = Quota.objects.filter(group=group).first()
    members = group.memberships.count()
    return GroupLine(group, members, quotas.read(row), usage.of_group(group.pk))


def people(*, actor: Actor) -> tuple[PersonLine, ...]:
    """List everybody with his own quota and use: three queries. Raises Forbidden."""
    _require(actor, Action.QUOTA_VIEW)
    rows = {row.user_id: row for row in Quota.objects.filter(scope=QuotaScope.USER)}
    used = usage.by_person()
    return tuple(
        PersonLine(user, quotas.read(rows.get(user.pk)), used.get(user.pk, Amounts()))
        for user in selectors.people(actor).order_by("username")
    )


def groups(*, actor: Actor) -> tuple[GroupLine, ...]:
    """List every group with its quota and use: four queries. Raises Forbidden."""
    _require(actor, Action.QUOTA_VIEW)
    rows = {row.group_id: row for row in Quota.objects.filter(scope=QuotaScope.GROUP)}
    used, members = usage.by_group(), usage.members()
    return tuple(
        GroupLine(
            group,
            members.get(group.pk, 0),
            quotas.read(rows.get(group.pk)),
            used.get(group.pk, Amounts()),
        )
        for group in circles.groups(actor).order_by("name")
    )


def set_site(*, actor: Actor, limits: Limits) -> None:
    """Set the default of everybody who has no quota of his own. Raises Forbidden, Invalid."""
    _require(actor, Action.QUOTA_MANAGE)
    _store(actor, audit.Target("site"), limits, QuotaScope.SITE)


def set_user(*, actor: Actor, user_id: selectors.Identifier, limits: Limits) -> User:
    """Set somebody's own quota. What he has already stays. Raises NotFound, Forbidden, Invalid."""
    _require(actor, Action.QUOTA_MANAGE)
    user = selectors.person(actor, user_id)
    target = audit.Target("user", str(user.pk), user.username)
    _store(actor, target, limits, QuotaScope.USER, user=user)
    return user


def set_group(*, actor: Actor, group_id: selectors.Identifier, limits: Limits) -> Group:
    """Set what the members of a group share. Raises NotFound, Forbidden, Invalid."""
    group = circles.group(actor, group_id, Action.QUOTA_MANAGE)
    target = audit.Target("group", str(group.pk), group.name)
    _store(actor, target, limits, QuotaScope.GROUP, group=group)
    return group


def _require(actor: Actor, action: Action) -> None:
    if not can(actor, action):
        raise Forbidden("forbidden", action=action.value)


def _store(
    actor: Actor, target: audit.Target, limits: Limits, scope: QuotaScope, **whose: Any
) -> None:
    """Write the row of a scope, one that says nothing goes. `whose` names its user or group."""
    # Any: a lookup of the ORM
    if errors := _errors(limits):
        raise Invalid(errors)
    columns = {one.value: _column(limits.of(one)) for one in Resource}
    trail = audit.Trail(actor, "quota.set", target, detail=_detail(limits))
    with transaction.atomic(), audit.audited(trail):
        if limits == Limits():
            Quota.objects.filter(scope=scope, **whose).delete()
        else:
            Quota.objects.update_or_create(scope=scope, **whose, defaults=columns)
        transaction.on_commit(lambda: publish.things_changed("people"))


def _errors(limits: Limits) -> Mapping[str, Problem]:
    problems = {}
    for one in Resource:
        limit, largest = limits.of(one), LARGEST.get(one, LARGEST_NUMBER)
        if isinstance(limit, int) and not 0 <= limit <= largest:
            problems[one.value] = Problem("quota-value")
    return problems


def _column(limit: Limit) -> int | None:
    return UNLIMITED if isinstance(limit, Unlimited) else limit


def _detail(limits: Limits) -> dict[str, str | int | list[str]]:
    return {
        one.value: quotas.word(one, limits.of(one))
        for one in Resource
        if limits.of(one) is not None
    }
