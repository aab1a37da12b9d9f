"""Templates: what a new guest is made from."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Template(models.Model):
    """An image with defaults. `pool_name` and `volume_name` stay when the image row goes, so that
    the reason can be told.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True, max_length=2000)
    os_name = models.CharField(max_length=100, blank=True)
    icon = models.CharField(max_length=30, blank=True, default="linux")
    host = models.ForeignKey("vms.Host", on_delete=models.CASCADE, related_name="templates")
    image = models.ForeignKey(
        "vms.Volume", null=True, on_delete=models.SET_NULL, related_name="templates"
    )
    pool_name = models.CharField(max_length=255)
    volume_name = models.CharField(max_length=255)
    vcpus = models.PositiveIntegerField(default=1)
    memory_mib = models.PositiveIntegerField(default=1024)
    disk_bytes = models.BigIntegerField(default=0)
    """Proposed size of the first disk; 0 means the size of the image."""
    network_name = models.CharField(max_length=255, blank=True)
    """Network of the first interface; "" means none."""
    has_cloud_init = models.BooleanField(default=True)
    default_user = models.CharField(max_length=32, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
