"""The audit trail: who wanted what, and what came of it. Rows are only ever added."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class AuditPhase(models.TextChoices):
    """A request and its outcome are two rows with one correlation."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


class AuditEntry(models.Model):
    """One line. Names are copied so that they stay true when the thing is gone."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    correlation = models.UUIDField(default=uuid.uuid4, db_index=True)
    phase = models.CharField(max_length=10, choices=AuditPhase.choices)
    action = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    role = models.CharField(max_length=20, blank=True)
    door = models.CharField(max_length=10, blank=True)
    address = models.CharField(max_length=45, blank=True)
    target_kind = models.CharField(max_length=20, blank=True)
    target_id = models.CharField(max_length=40, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    command = models.CharField(max_length=500, blank=True)
    """The virsh command that equals the action, where there is one."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Each ends with the id, by which a page of whatever is filtered is cut.
            models.Index(fields=["actor_name", "id"], name="audit_by_person"),
            models.Index(fields=["action", "id"], name="audit_by_action"),
            models.Index(fields=["phase", "id"], name="audit_by_phase"),
            models.Index(fields=["target_id", "id"], name="audit_by_target"),
        ]
