"""Notices: what somebody should hear of although he did not ask."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Notice(models.Model):
    """One notice to one person. `kind` and `params` become a sentence in vms/messages.py."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices"
    )
    kind = models.CharField(max_length=30)
    params = models.JSONField(default=dict, blank=True)
    once_key = models.CharField(max_length=150, null=True)
    """What the person is told only once."""
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)
    """When it is to be mailed (again); null: never, or it was."""
    mail_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["user", "once_key"], name="notice_once_per_person")
        ]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notice_by_person"),
            models.Index(fields=["mail_due_at"], name="notice_by_mail"),
        ]
