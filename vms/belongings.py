"""Whose images are: queries for policy.py, which alone says what follows from them."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from vms import offers
from vms.models import ImageOrigin, Role, Template, Upload, User, Volume
from vms.models.host import SEED_NAME

Rows = QuerySet[Any]  # Any: as policy.py has them


def images_of(user: User, rows: Rows) -> Rows:
    """Keep CDs; for an author, also what he brought and images of templates that he sees."""
    wanted = Q(format="iso")
    if user.role == Role.AUTHOR:
        of_templates = offers.to(user, Template.objects.filter(image__isnull=False))
        wanted |= Q(pk__in=of_templates.order_by().values("image")) | Q(_brought_by(user))
    return rows.filter(wanted).exclude(name__regex=SEED_NAME)


def is_image_of(user: User, thing: object) -> bool:
    """Say the same of one volume: never the disk of somebody's guest."""
    if not isinstance(thing, Volume):
        return False
    return images_of(user, Volume.objects.filter(pk=thing.pk)).exists()


def is_his(user: User, thing: object) -> bool:
    """Say whether he brought an image; asked of its volume, its origin, or a file on its way in."""
    if isinstance(thing, Upload):
        return thing.user_id == user.pk
    if isinstance(thing, ImageOrigin):
        return thing.added_by_id == user.pk
    if not isinstance(thing, Volume):
        return False
    return Volume.objects.filter(_brought_by(user), pk=thing.pk).exists()


def _brought_by(user: User) -> Exists:
    return Exists(
        ImageOrigin.objects.filter(
            added_by=user,
            host=OuterRef("pool__host"),
            pool_name=OuterRef("pool__name"),
            volume_name=OuterRef("name"),
        )
    )
