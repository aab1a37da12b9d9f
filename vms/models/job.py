"""Jobs: everything that takes time, with progress and an end that is true."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class JobKind(models.TextChoices):
    """What a job does; a handler is registered for each in worker/handlers.py."""

    CREATE_VM = "create-vm", _("Create guest")
    DELETE_VM = "delete-vm", _("Delete guest")


class JobState(models.TextChoices):
    """Where a job is."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    INTERRUPTED = "interrupted", _("interrupted")


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    """One piece of long work. `params` and `undo` hold plain values for its handler, never
    secrets.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30, choices=JobKind.choices)
    state = models.CharField(max_length=15, choices=JobState.choices, default=JobState.QUEUED)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    vm = models.ForeignKey(
        "vms.VM", null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    vm_uuid = models.UUIDField(null=True, blank=True)
    """Stays when the VM is gone."""
    target_name = models.CharField(max_length=200, blank=True)
    params = models.JSONField(default=dict, blank=True)
    undo = models.JSONField(default=list, blank=True)
    """What was made so far and must go if the job does not end well: [kind, ...] lists."""
    step = models.CharField(max_length=40, blank=True)
    """Code of the step under way; the sentence is made in vms/messages.py."""
    steps_done = models.PositiveIntegerField(default=0)
    steps_total = models.PositiveIntegerField(default=1)
    is_cancel_requested = models.BooleanField(default=False)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    correlation = models.UUIDField(null=True, blank=True)
    """The audit entry "requested" that this job answers."""
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["vm"],
                condition=models.Q(state__in=["queued", "running"]),
                name="job_one_at_a_time_per_vm",
            )
        ]
        indexes = [models.Index(fields=["state", "-created_at"])]

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.state in OPEN_STATES

    @property
    def percent(self) -> int:
        """Steps done of all steps, in percent."""
        return round(100 * self.steps_done / max(1, self.steps_total))
