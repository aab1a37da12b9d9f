"""What a directory (OpenID Connect, LDAP) says of a person becomes his role and groups here.

Only groups that the operator's mapping names are touched: others are kept here by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog
from django.db import transaction

from vms.live import publish
from vms.models import Group, Membership, Role, User
from vms.policy import Door, SystemActor
from vms.services import audit

log = structlog.get_logger(__name__)

STRONGEST_FIRST = (Role.ADMINISTRATOR, Role.AUTHOR, Role.AUDITOR, Role.USER)


@dataclass(frozen=True, slots=True)
class Meaning:
    """Names of the directory's groups, each with the group or the role that it means here."""

    groups: Mapping[str, str]
    roles: Mapping[str, str]


def apply(*, user: User, names: Collection[str], meaning: Meaning, source: str) -> None:
    """Set role and groups of a person from the names of his groups in the directory.

    Where roles are mapped the directory alone says them: somebody in none of its groups becomes an
    ordinary user. The last active administrator stays one.
    """
    with transaction.atomic():
        changes = [
            *_set_role(user, names, meaning.roles),
            *_set_groups(user, names, meaning.groups),
        ]
        if not changes:
            return
        actor = SystemActor(Door.WEB, name=source)
        target = audit.Target("user", str(user.pk), user.username)
        trail = audit.Trail(actor, "people.directory", target, detail={"changes": changes})
        with audit.audited(trail):
            transaction.on_commit(lambda: publish.rights_changed(str(user.pk)))
            transaction.on_commit(lambda: publish.things_changed("people"))


def _set_role(user: User, names: Collection[str], roles: Mapping[str, str]) -> list[str]:
    if not roles:
        return []
    meant = {roles[name] for name in names if name in roles}
    role = next((each for each in STRONGEST_FIRST if each in meant), Role.USER)
    if role == user.role or (role != Role.ADMINISTRATOR and _is_last_administrator(user)):
        return []
    user.role = role
    user.save(update_fields=["role"])
    return [f"role {role}"]


def _is_last_administrator(user: User) -> bool:
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    return user.is_administrator and not others.exists()


def _set_groups(user: User, names: Collection[str], groups: Mapping[str, str]) -> list[str]:
    meant = {groups[name] for name in names if name in groups}
    changes = []
    for name in sorted(set(groups.values())):
        if name in meant:
            changes += _join(user, name)
        elif Membership.objects.filter(user=user, group__name__iexact=name).delete()[0]:
            changes.append(f"out of {name}")
    return changes


def _join(user: User, name: str) -> list[str]:
    group = Group.objects.filter(name__iexact=name).first() or Group.objects.create(name=name)
    _row, is_new = Membership.objects.get_or_create(group=group, user=user)
    return [f"into {name}"] if is_new else []
