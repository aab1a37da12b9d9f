"""Quotas: how much a person or a group may have, and what is promised to work that is under way."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

UNLIMITED = -1
"""Stands in the columns of a quota; null means that nothing is said."""
AMOUNTS = ("guests", "running", "vcpus", "memory_mib", "disk_bytes")


class QuotaScope(models.TextChoices):
    """Whom a quota is about."""

    SITE = "site"
    """Everybody who has none of his own."""
    USER = "user"
    GROUP = "group"
    """All its members together."""


class Quota(models.Model):
    """The limits of one person, of one group, or of everybody; services/quotas.py reads them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.CharField(max_length=10, choices=QuotaScope.choices)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="quota"
    )
    group = models.OneToOneField(
        "vms.Group", null=True, on_delete=models.CASCADE, related_name="quota"
    )
    guests = models.IntegerField(null=True)
    running = models.IntegerField(null=True)
    vcpus = models.IntegerField(null=True)
    memory_mib = models.IntegerField(null=True)
    disk_bytes = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope"], condition=models.Q(scope="site"), name="quota_one_for_the_site"
            ),
            models.CheckConstraint(
                condition=models.Q(scope="site", user=None, group=None)
                | models.Q(scope="user", user__isnull=False, group=None)
                | models.Q(scope="group", user=None, group__isnull=False),
                name="quota_of_what_its_scope_says",
            ),
            *(
                models.CheckConstraint(
                    condition=models.Q(**{f"{name}__gte": UNLIMITED}), name=f"quota_{name}_known"
                )
                for name in AMOUNTS
            ),
        ]


class Reservation(models.Model):
    """What a guest is about to have in all, while that cannot be seen on its host yet.

    It counts while its job is open, or until `expires_at`; nothing has to give it back.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vm = models.ForeignKey("vms.VM", on_delete=models.CASCADE, related_name="reservations")
    job = models.ForeignKey(
        "vms.Job", null=True, on_delete=models.CASCADE, related_name="reservations"
    )
    is_running = models.BooleanField(default=False)
    vcpus = models.PositiveIntegerField(default=0)
    memory_mib = models.PositiveIntegerField(default=0)
    disk_bytes = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField()
