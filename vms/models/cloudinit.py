"""What a guest's cloud-init seed says, so that it can be changed and written again."""

from __future__ import annotations

from django.db import models


class CloudInit(models.Model):
    """The seed of one guest; it goes when the guest goes.

    The hash of the password stands apart from the rest, so that nothing shows it by accident.
    """

    vm = models.OneToOneField("vms.VM", on_delete=models.CASCADE, related_name="cloud_init")
    values = models.JSONField(default=dict)
    """As services/cloud.py writes `Settings`."""
    password_hash = models.CharField(max_length=200, blank=True)
    generation = models.PositiveIntegerField(default=1)
    """Grows with each change: cloud-init takes the guest for a new one then, and runs again."""
    written_at = models.DateTimeField(auto_now=True)
