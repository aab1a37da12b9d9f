"""Public SSH keys that people keep in their accounts."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class SshKey(models.Model):
    """One public key of a person; `line` is what goes into authorized_keys."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ssh_keys"
    )
    kind = models.CharField(max_length=50)
    fingerprint = models.CharField(max_length=60)
    """As ssh-keygen -l writes it: SHA256: and 43 characters."""
    comment = models.CharField(max_length=200, blank=True)
    line = models.TextField()
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "fingerprint"], name="ssh_key_once_per_person")
        ]
