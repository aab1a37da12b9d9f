"""Jobs: everything that takes time, with progress and an end that is true."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    """Where a job is."""

    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    INTERRUPTED = "interrupted", _("interrupted")


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
BAD_STATES = (JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)


class Job(models.Model):
    """One piece of long work. `params` and `undo` hold plain values for its handler, never
    secrets.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    """Who runs it is registered in services/job_kinds.py; its name is in vms/messages.py."""
    state = models.CharField(max_length=15, choices=JobState.choices, default=JobState.QUEUED)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    vm = models.ForeignKey(
        "vms.VM", null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    vm_uuid = models.UUIDField(null=True, blank=True)
    """Stays when the VM is gone."""
    target_kind = models.CharField(max_length=20, default="vm")
    """vm, volume, pool, image ...: what the job is about; one job at a time has it."""
    target_id = models.UUIDField(null=True, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    params = models.JSONField(default=dict, blank=True)
    undo = models.JSONField(default=list, blank=True)
    """What was made so far and must go if the job does not end well: [kind, ...] lists."""
    step = models.CharField(max_length=40, blank=True)
    """Code of the step under way; the sentence is made in vms/messages.py."""
    steps_done = models.PositiveIntegerField(default=0)
    steps_total = models.PositiveIntegerField(default=1)
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    """Bytes of the step that moves them; 0 while none does or nobody knows how many there are."""
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
            ),
            models.UniqueConstraint(
                fields=["target_kind", "target_id"],
                condition=models.Q(state__in=["queued", "running"]),
                name="job_one_at_a_time_per_target",
            ),
        ]
        indexes = [models.Index(fields=["state", "-created_at"])]

    told_at_s = 0.0
    """When progress was last written, by the monotonic clock of the process that runs it."""

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.state in OPEN_STATES

    @property
    def has_ended_badly(self) -> bool:
        """True when it has ended without doing what it should."""
        return self.state in BAD_STATES

    @property
    def percent(self) -> int:
        """Bytes moved of all bytes where that is known, else steps done of all steps."""
        if self.state == JobState.SUCCEEDED:
            return 100
        if self.bytes_total:
            return max(0, min(100, 100 * self.bytes_done // self.bytes_total))
        return round(100 * self.steps_done / max(1, self.steps_total))
