"""Virtual machines: what lists need of a domain, and what only kvmweb knows of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from vms.hypervisor.types import ACTIVE_STATES, VmState
from vms.models.recording import RecordingPolicy

STATE_CHOICES = [(state.value, state.value) for state in VmState]


class VM(models.Model):
    """A guest. Columns under "seen on the host" are written by services/sync.py alone.

    `id` equals the domain's UUID unless another host has a domain of the same UUID.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey("vms.Host", on_delete=models.CASCADE, related_name="vms")
    domain_uuid = models.UUIDField()
    # kvmweb's own
    name = models.CharField(max_length=200)
    """Unique per owner; the libvirt name is the same, with a suffix where that was taken."""
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="vms",
    )
    template = models.ForeignKey(
        "vms.Template", null=True, blank=True, on_delete=models.SET_NULL, related_name="vms"
    )
    template_name = models.CharField(max_length=100, blank=True)
    template_number = models.PositiveIntegerField(default=0)
    """Number of the template's version that it was made from; 0 where it was made otherwise."""
    is_creating = models.BooleanField(default=False)
    """True from the request until the domain is defined: there is nothing on the host yet."""
    tags = models.JSONField(default=list, blank=True)
    """Short words that people group guests by; services/tags.py keeps the rules."""
    recording = models.CharField(
        max_length=10, choices=RecordingPolicy.choices, default=RecordingPolicy.REQUEST
    )
    """Whether its consoles are recorded."""
    created_at = models.DateTimeField(auto_now_add=True)
    # seen on the host
    libvirt_name = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=20, choices=STATE_CHOICES, default=VmState.UNKNOWN.value)
    state_reason = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    vcpus = models.PositiveIntegerField(default=0)
    memory_mib = models.PositiveIntegerField(default=0)
    is_persistent = models.BooleanField(default=True)
    has_autostart = models.BooleanField(default=False)
    has_vnc = models.BooleanField(default=False)
    is_readable = models.BooleanField(default=True)
    """False when the domain's XML could not be understood: it is listed with what is known."""
    addresses = models.JSONField(default=list, blank=True)
    """List of IP addresses, best source first."""
    macs = models.JSONField(default=list, blank=True)
    disk_paths = models.JSONField(default=list, blank=True)
    """Paths of its disks and CDs, without backing files: `Volume.backing_path` tells those."""
    disk_bytes = models.BigIntegerField(default=0)
    """Virtual size of its disks, CDs aside: of those in pools that kvmweb sees."""
    xml = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=1)
    """Grows with every change that a page could show."""

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["host", "domain_uuid"], name="vm_once_per_host"),
            models.UniqueConstraint(fields=["owner", "name"], name="vm_name_once_per_owner"),
        ]
        indexes = [models.Index(fields=["owner", "state"])]

    def __str__(self) -> str:
        return self.name

    @property
    def vm_state(self) -> VmState:
        """The state as an enum."""
        return VmState(self.state)

    @property
    def is_active(self) -> bool:
        """True while it has a process on the host."""
        return self.vm_state in ACTIVE_STATES
