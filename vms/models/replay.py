"""Answers that are kept so that a request sent twice is done once."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Replay(models.Model):
    """What was answered to a request with an idempotency key; without `status` it is under way."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="replays"
    )
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    """SHA-256 of what was asked: the same key with another request is a mistake."""
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    """Sealed with the key of the installation."""
    location = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="replay_once_per_key"),
        ]
