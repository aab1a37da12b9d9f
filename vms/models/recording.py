"""Recordings of consoles: what was recorded, and why it ended. Their bytes are files."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class RecordingPolicy(models.TextChoices):
    """Whether consoles of a guest are recorded."""

    OFF = "off", _("Never")
    REQUEST = "request", _("When somebody asks for it")
    ALWAYS = "always", _("Always")


class RecordingState(models.TextChoices):
    """Where a recording is. WANTED: asked for, and about to begin."""

    WANTED = "wanted", _("about to begin")
    RUNNING = "running", _("recording")
    ENDED = "ended", _("ended")


OPEN_RECORDINGS = (RecordingState.WANTED, RecordingState.RUNNING)


class Recording(models.Model):
    """One recording of a guest's screen, or of one of its serial ports. Its id names its file."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vm = models.ForeignKey(
        "vms.VM", null=True, on_delete=models.SET_NULL, related_name="recordings"
    )
    vm_name = models.CharField(max_length=200)
    """Stays when the guest is gone."""
    kind = models.CharField(max_length=10)
    device = models.PositiveSmallIntegerField(default=0)
    """Which serial port, counted from 0."""
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    by_name = models.CharField(max_length=150, blank=True)
    """Who asked for it; "" when the guest is always recorded."""
    state = models.CharField(
        max_length=10, choices=RecordingState.choices, default=RecordingState.WANTED
    )
    is_stop_wanted = models.BooleanField(default=False)
    began_at = models.DateTimeField(auto_now_add=True, db_index=True)
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)
    reason = models.CharField(max_length=40, blank=True)
    """Why it ended: a code; the words are made in vms/messages.py."""

    class Meta:
        ordering = ["-began_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["vm", "kind", "device"],
                condition=models.Q(state__in=["wanted", "running"]),
                name="recording_one_at_a_time",
            )
        ]

    @property
    def is_open(self) -> bool:
        """True until it has ended."""
        return self.state in OPEN_RECORDINGS
