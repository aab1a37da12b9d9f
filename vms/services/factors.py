"""Second factors: which somebody has, which roles need one, and taking a lost one away.

Codes and keys themselves are checked by allauth; the rows are its rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Count, Exists

from vms import selectors
from vms.live import publish
from vms.models import AuditPhase, Role, RoleRule, User
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import audit, people

APP, PASSKEY, CODES = "totp", "webauthn", "recovery_codes"
KINDS = (APP, PASSKEY)
"""What counts as a second factor; recovery codes only stand in for one."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One second factor of a person, without anything secret."""

    id: int
    kind: str
    name: str
    added_at: datetime
    last_used_at: datetime | None
    is_passwordless: bool = False


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has; `codes_left` is None while there are no recovery codes."""

    app: Factor | None
    passkeys: tuple[Factor, ...]
    codes_left: int | None

    @property
    def has_any(self) -> bool:
        """True where logging in asks for more than the password."""
        return self.app is not None or bool(self.passkeys)


def of(*, actor: Actor) -> Factors:
    """Give the actor's own factors."""
    if not isinstance(actor, Person):
        return Factors(None, (), None)
    rows = list(Authenticator.objects.filter(user_id=actor.user.pk).order_by("created_at", "pk"))
    apps = [_factor(row) for row in rows if row.type == APP]
    codes = [len(row.wrap().get_unused_codes()) for row in rows if row.type == CODES]
    return Factors(
        app=apps[0] if apps else None,
        passkeys=tuple(_factor(row) for row in rows if row.type == PASSKEY),
        codes_left=codes[0] if codes else None,
    )


def _factor(row: Authenticator) -> Factor:
    is_passkey = row.type == PASSKEY
    return Factor(
        id=row.pk,
        kind=row.type,
        name=row.wrap().name if is_passkey else "",
        added_at=row.created_at,
        last_used_at=row.last_used_at,
        is_passwordless=is_passkey and row.wrap().is_passwordless is True,
    )


def is_missing(user: User) -> bool:
    """Say whether the role needs a second factor that this person has not set up. One query."""
    his = Authenticator.objects.filter(user_id=user.pk, type__in=KINDS)
    rules = RoleRule.objects.filter(~Exists(his), role=user.role, needs_second_factor=True)
    return rules.exists()


def missing_of(users: Iterable[User]) -> frozenset[uuid.UUID]:
    """Return the ids of those of these people for whom `is_missing` is true. Two queries."""
    needing = roles_in_need() if (those := list(users)) else frozenset()
    asked = {user.pk for user in those if user.role in needing}
    if not asked:
        return frozenset()
    have = Authenticator.objects.filter(user_id__in=asked, type__in=KINDS)
    return frozenset(asked - set(have.values_list("user_id", flat=True)))


def counts() -> dict[str, int]:
    """How many second factors each person has, by his id; nobody without one."""
    rows = Authenticator.objects.filter(type__in=KINDS).values_list("user_id")
    return {str(pk): count for pk, count in rows.annotate(count=Count("pk"))}


def roles_in_need() -> frozenset[str]:
    """Roles that need a second factor."""
    rows = RoleRule.objects.filter(needs_second_factor=True)
    return frozenset(rows.values_list("role", flat=True))


def rule(*, actor: Actor) -> frozenset[str]:
    """Say which roles need a second factor, to those who decide it. Raises Forbidden."""
    _authorize(actor)
    return roles_in_need()


def set_roles_in_need(*, actor: Actor, roles: Iterable[str]) -> frozenset[str]:
    """Say which roles need a second factor; who lacks one is led to it at his next click.

    Raises Forbidden, Invalid (roles).
    """
    _authorize(actor)
    wanted = frozenset(roles)
    if not wanted <= set(Role.values):
        raise Invalid({"roles": Problem("role-unknown")})
    target = audit.Target("site", "", "")
    trail = audit.Trail(
        actor, "people.require-factor", target, detail={"roles": ", ".join(sorted(wanted))}
    )
    with transaction.atomic(), audit.audited(trail):
        RoleRule.objects.exclude(role__in=wanted).update(needs_second_factor=False)
        for role in wanted:
            RoleRule.objects.update_or_create(role=role, defaults={"needs_second_factor": True})
    return wanted


def take_away(*, actor: Actor, user_id: selectors.Identifier) -> User:
    """Remove every second factor of somebody who lost his; all his sessions end.

    Raises NotFound; Refused for oneself (My account does that, and asks for the password first).
    """
    user = selectors.person(actor, user_id)
    if isinstance(actor, Person) and actor.user.pk == user.pk:
        raise Refused("yourself")
    with transaction.atomic(), audit.audited(_trail(actor, "people.take-factors", user)):
        removed, _each = Authenticator.objects.filter(user_id=user.pk).delete()
        if not removed:
            raise Refused("no-second-factor")
        people.end_sessions(user)
        transaction.on_commit(lambda: publish.rights_changed(str(user.pk)))
        transaction.on_commit(lambda: publish.things_changed("people"))
    return user


def require_removable(*, actor: Person) -> None:
    """Raise Refused when it is the last factor and the role needs one."""
    left = Authenticator.objects.filter(user_id=actor.user.pk, type__in=KINDS).count()
    if left <= 1 and actor.user.role in roles_in_need():
        raise Refused("factor-needed")


def changed(*, actor: Person, action: str, kind: str) -> None:
    """Note in the audit trail that somebody changed his own factors."""
    audit.write(_trail(actor, action, actor.user, kind=kind), AuditPhase.SUCCEEDED)


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)


def _trail(actor: Actor, action: str, user: User, **detail: str) -> audit.Trail:
    target = audit.Target("user", str(user.pk), user.username)
    return audit.Trail(actor, action, target, detail={**detail})
