"""What a person is on a guest: its owner, by a share of his own, or by one with a group of his.

It reads rows and decides nothing: what a role allows is said in policy.py.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from vms.actors import Actor, Person
from vms.models import VM, Membership, Role, Share, User, VmRole


@dataclass(frozen=True, slots=True)
class Standing:
    """The strongest role of all that somebody has on a guest, None for a stranger.

    `can_share` belongs to owners in person and to the managers of a group that owns it: not to
    everybody in such a group.
    """

    role: VmRole | None = None
    can_share: bool = False

    def reaches(self, least: VmRole) -> bool:
        """Say whether the role allows all that `least` does."""
        return self.role is not None and self.role.rank >= least.rank


OWNER = Standing(VmRole.OWNER, can_share=True)
STRANGER = Standing()


def on(user: User, vm: VM) -> Standing:
    """Say what a person is on a guest: a query, the first time that this object is asked about."""
    if vm.owner_id == user.pk:
        return OWNER
    known = _known(vm)
    if user.pk not in known:
        known[user.pk] = _read(user, [vm.pk])[vm.pk]
    return known[user.pk]


def acting_as(actor: Actor, vm: VM) -> str:
    """Name the role in which somebody acts on a guest: on this guest, else on the site.

    An administrator who does not own it acts as one, whatever was shared with him.
    """
    if not isinstance(actor, Person) or actor.user._state.adding:
        return actor.role
    if vm.owner_id == actor.user.pk:
        return VmRole.OWNER.value
    if actor.user.role in {Role.ADMINISTRATOR, Role.AUDITOR}:
        return actor.role
    return on(actor.user, vm).role or actor.role


def remember(user: User, vms: Iterable[VM]) -> None:
    """Read for all these guests at once what `on` would read for each: one query, or none.

    None for an administrator, too: what was shared with him adds nothing to his rights.
    """
    others = [vm for vm in vms if vm.owner_id != user.pk]
    if others and user.role != Role.ADMINISTRATOR:
        found = _read(user)
        for vm in others:
            _known(vm)[user.pk] = found[vm.pk]


def shares_of(user: User) -> QuerySet[Share]:
    """Shares with a person, and with his groups."""
    return Share.objects.order_by().filter(Q(user=user) | Q(group__in=_groups(user)))


def seen_by(user: User) -> Q:
    """Make the condition for guests on which a person is anything at all."""
    return Q(owner=user) | Q(pk__in=shares_of(user).values("vm"))


def owned_by(user: User) -> Q:
    """Make the condition for guests that are a person's own, or shared with him as an owner."""
    return Q(owner=user) | Q(pk__in=shares_of(user).filter(role=VmRole.OWNER).values("vm"))


def shareable_by(user: User) -> Q:
    """Make the condition for guests whose shares a person sets."""
    shares = Share.objects.order_by().filter(role=VmRole.OWNER)
    managed = _groups(user).filter(is_manager=True)
    return Q(owner=user) | Q(pk__in=shares.filter(Q(user=user) | Q(group__in=managed)).values("vm"))


def _groups(user: User) -> QuerySet[Membership, uuid.UUID]:
    rows = Membership.objects.order_by().filter(user=user)
    return rows.values_list("group", flat=True)


def _read(user: User, vm_ids: list[uuid.UUID] | None = None) -> dict[uuid.UUID, Standing]:
    """Read the standings that come from shares, of some guests or of all."""
    manages = Membership.objects.filter(user=user, group=OuterRef("group"), is_manager=True)
    rows = shares_of(user).annotate(is_manager=Exists(manages))
    if vm_ids is not None:
        rows = rows.filter(vm__in=vm_ids)
    found: defaultdict[uuid.UUID, Standing] = defaultdict(Standing)
    for vm_id, role, user_id, is_manager in rows.values_list(
        "vm_id", "role", "user_id", "is_manager"
    ):
        share = VmRole(role)
        can_share = share is VmRole.OWNER and (user_id == user.pk or is_manager)
        found[vm_id] = _stronger(found[vm_id], Standing(share, can_share))
    return found


def _stronger(one: Standing, other: Standing) -> Standing:
    roles = [each.role for each in (one, other) if each.role is not None]
    return Standing(max(roles, key=lambda role: role.rank), one.can_share or other.can_share)


def _known(vm: VM) -> dict[object, Standing]:
    """Return what was read about this very object, which lives no longer than one request."""
    known: dict[object, Standing] = vm.__dict__.setdefault("_standings", {})
    return known
