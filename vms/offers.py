"""To whom templates are offered: queries for policy.py, which alone says what follows from them."""

from __future__ import annotations

import uuid

from django.db.models import Q, QuerySet

from vms.models import Membership, Role, Template, TemplateGrant, User


def to(user: User, rows: QuerySet[Template]) -> QuerySet[Template]:
    """Keep the templates granted to everyone or to a group of his, and what an author made."""
    for_him = Q(is_for_all=True) | Q(group__in=_groups(user))
    granted = TemplateGrant.objects.filter(for_him).order_by().values("template")
    own = Q(created_by=user) if user.role == Role.AUTHOR else Q(pk__in=[])
    return rows.filter(Q(pk__in=granted) | own)


def is_his(user: User, template: Template) -> bool:
    """Say whether an author made it, or it is granted to groups of his and to nobody else."""
    if template.created_by_id == user.pk:
        return True
    grants = TemplateGrant.objects.filter(template=template)
    return grants.exists() and not grants.exclude(group__in=_groups(user)).exists()


def _groups(user: User) -> QuerySet[Membership, uuid.UUID]:
    return Membership.objects.filter(user=user).order_by().values_list("group", flat=True)
