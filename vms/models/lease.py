"""Leases: guests that end at a date, and how long those of a group may live."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models


class Lease(models.Model):
    """The end of one guest: shut down at `expires_at`, deleted `grace_days` later."""

    vm = models.OneToOneField(
        "vms.VM", primary_key=True, on_delete=models.CASCADE, related_name="lease"
    )
    expires_at = models.DateTimeField()
    grace_days = models.PositiveIntegerField(default=7)
    warned_days = models.PositiveSmallIntegerField(null=True)
    """The last warning that was given: so many days before the end."""
    tried_at = models.DateTimeField(null=True)
    """When it was last tried to stop or to delete the guest."""
    was_shut_down = models.BooleanField(default=False)
    """It was asked to shut down once; what still runs later is powered off."""

    class Meta:
        indexes = [models.Index(fields=["expires_at"])]

    @property
    def deleted_at(self) -> datetime:
        """When the guest is deleted."""
        return self.expires_at + timedelta(days=self.grace_days)


class LeaseRule(models.Model):
    """How long the guests of a group's members live, or, without a group, everybody's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_for_all = models.BooleanField(default=False)
    """True for the one rule without a group."""
    group = models.OneToOneField(
        "vms.Group", null=True, on_delete=models.CASCADE, related_name="lease_rule"
    )
    default_days = models.PositiveIntegerField(null=True)
    """What a new guest gets; null means no end."""
    max_days = models.PositiveIntegerField(null=True)
    """How far from today owners may set the end; null means as far as they like, or none."""
    grace_days = models.PositiveIntegerField(default=7)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_for_all"],
                condition=models.Q(is_for_all=True),
                name="lease_rule_one_for_all",
            ),
            models.CheckConstraint(
                condition=models.Q(is_for_all=True, group=None)
                | models.Q(is_for_all=False, group__isnull=False),
                name="lease_rule_of_one_group_or_for_all",
            ),
        ]
