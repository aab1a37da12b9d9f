"""Hosts and what was last seen on them: pools, volumes, networks. Only services/sync.py writes what
was seen.
"""

from __future__ import annotations

import re
import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

SEED_NAME = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-seed\.iso$"
"""Names of cloud-init seeds, which hold the keys and password hash of their own guest."""


class HostStatus(models.TextChoices):
    """Whether the host answers."""

    UNKNOWN = "unknown", _("not contacted yet")
    CONNECTED = "connected", _("connected")
    AWAY = "away", _("away")


class Host(models.Model):
    """A libvirt that kvmweb looks after."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    uri = models.CharField(max_length=255, unique=True)
    status = models.CharField(max_length=12, choices=HostStatus.choices, default=HostStatus.UNKNOWN)
    status_since = models.DateTimeField(null=True, blank=True)
    status_code = models.CharField(max_length=40, blank=True)
    """Why it is away: a code of hypervisor/errors.py."""
    status_detail = models.CharField(max_length=500, blank=True)
    console_gateway_url = models.CharField(max_length=255, blank=True)
    """Where the screens of its guests come from: a gateway's address; "": the site itself."""
    facts = models.JSONField(default=dict, blank=True)
    """The fields of `hypervisor.types.HostFacts`, as last read."""

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_connected(self) -> bool:
        """True while the host answers."""
        return self.status == HostStatus.CONNECTED


class Pool(models.Model):
    """A storage pool as last seen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="pools")
    pool_uuid = models.UUIDField()
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=30, blank=True)
    state = models.CharField(max_length=20, default="inactive")
    has_autostart = models.BooleanField(default=False)
    capacity_bytes = models.BigIntegerField(default=0)
    allocation_bytes = models.BigIntegerField(default=0)
    available_bytes = models.BigIntegerField(default=0)
    path = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["host", "pool_uuid"], name="pool_once_per_host")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """True while volumes can be made in it."""
        return self.state == "active"


class Volume(models.Model):
    """A volume as last seen: a disk, an image that templates use, or an ISO."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=1000, db_index=True)
    format = models.CharField(max_length=20, blank=True)
    capacity_bytes = models.BigIntegerField(default=0)
    allocation_bytes = models.BigIntegerField(default=0)
    backing_path = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["pool__name", "name"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "name"], name="volume_once_per_pool")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_iso(self) -> bool:
        """True for a CD or DVD image."""
        return self.format == "iso"

    @property
    def is_seed(self) -> bool:
        """True for the cloud-init seed of a guest, which is no image to choose."""
        return re.match(SEED_NAME, self.name) is not None


class Network(models.Model):
    """A virtual network as last seen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="networks")
    network_uuid = models.UUIDField()
    name = models.CharField(max_length=255)
    is_active = models.BooleanField(default=False)
    bridge = models.CharField(max_length=50, blank=True)
    forward = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["host", "network_uuid"], name="network_once_per_host")
        ]

    def __str__(self) -> str:
        return self.name
