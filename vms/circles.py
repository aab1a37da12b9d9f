"""Scoped reads of groups of people, of who is in them, and of what is shared with whom.

As in selectors.py, fetching is the permission check, and unknown and forbidden are both `NotFound`.
"""

from __future__ import annotations

import uuid

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from vms.models import VM, Group, Membership, Share, User
from vms.policy import Action, Actor, Person, can, visible
from vms.problems import NotFound
from vms.selectors import Identifier, M, fetch


def shares(actor: Actor, guest: VM) -> QuerySet[Share]:
    """With whom a guest is shared, as far as the actor may know."""
    return visible(actor, guest.shares.select_related("vm", "user", "group"))


def share(actor: Actor, guest: VM, pk: Identifier) -> Share:
    """Fetch one share of a guest."""
    return fetch(actor, guest.shares.select_related("vm", "user", "group"), pk, None)


def own_share(actor: Actor, guest: VM) -> Share | None:
    """Return the share that the actor has in person, which he may leave."""
    rows = visible(actor, guest.shares.select_related("created_by"))
    return rows.filter(user=actor.user).first() if isinstance(actor, Person) else None


def acquaintances(actor: Actor) -> QuerySet[User]:
    """People whose names the actor may be offered: those in his groups, or all."""
    rows = User.objects.filter(is_active=True).order_by("username")
    if can(actor, Action.PEOPLE_VIEW):
        return rows
    known = visible(actor, Membership.objects.order_by()).values("user")
    others = rows.filter(pk__in=known)
    return others.exclude(pk=actor.user.pk) if isinstance(actor, Person) else others


def groups(actor: Actor) -> QuerySet[Group]:
    """Groups of people that the actor may look into: his own, or all."""
    return visible(actor, Group.objects.all())


def group(actor: Actor, pk: Identifier, action: Action | None = None) -> Group:
    """Fetch one group."""
    return fetch(actor, Group.objects.all(), pk, action)


def counted_groups(actor: Actor) -> QuerySet[Group]:
    """The same groups with `member_count` and `share_count`."""
    members = Membership.objects.order_by().filter(group=OuterRef("pk"), user__is_active=True)
    guests = Share.objects.order_by().filter(group=OuterRef("pk"))
    return groups(actor).annotate(member_count=_count(members), share_count=_count(guests))


def _count(rows: QuerySet[M]) -> Coalesce:
    one_group = rows.values("group").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(one_group), 0)


def members(actor: Actor, of: Group) -> QuerySet[Membership]:
    """Who is in a group, for those who may look into it; closed accounts are left out."""
    rows = of.memberships.select_related("user").filter(user__is_active=True)
    return visible(actor, rows).order_by("-is_manager", "user__username")


def member(actor: Actor, of: Group, user_id: Identifier) -> Membership:
    """Fetch one membership by its person."""
    try:
        key = uuid.UUID(str(user_id))
    except ValueError:
        raise NotFound("membership") from None
    found = visible(actor, of.memberships.select_related("user", "group")).filter(user=key).first()
    if found is None:
        raise NotFound("membership")
    return found


def group_shares(actor: Actor, of: Group) -> QuerySet[Share]:
    """Guests that a group has a share in, as far as the actor sees them."""
    rows = of.shares.select_related("vm", "vm__owner").order_by("vm__name", "vm")
    return rows.filter(vm__in=visible(actor, VM.objects.order_by()).values("pk"))
