"""Templates: what a new guest is made from, and what each was in former versions."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from vms.hypervisor.blueprint import Blueprint, UnreadableBlueprint, as_json, from_json


def first_blueprint() -> dict[str, object]:
    """Return what a template says that says nothing of its own."""
    return as_json(Blueprint())


class Template(models.Model):
    """A blueprint of guests. `pool_name` and `volume_name` stay when the image row goes, so that
    the reason can be told; all three are empty where guests boot from the network.
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
    """The disk image, or the ISO of an installer."""
    pool_name = models.CharField(max_length=255, blank=True)
    volume_name = models.CharField(max_length=255, blank=True)
    blueprint = models.JSONField(default=first_blueprint)
    """As `hypervisor.blueprint.as_json` makes it; read it through `plan`."""
    number = models.PositiveIntegerField(default=1)
    """Number of the version that it is now."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def plan(self) -> Blueprint:
        """The blueprint as a value; the usual one where it cannot be read (its status says so)."""
        try:
            return from_json(self.blueprint)
        except UnreadableBlueprint:
            return Blueprint()

    @property
    def sources(self) -> frozenset[tuple[str, str]]:
        """Pool and name of every volume that guests are made from: its image, and further ones."""
        further = {(disk.source_pool, disk.source_volume) for disk in self.plan.disks}
        return frozenset(further | {(self.pool_name, self.volume_name)}) - {("", "")}

    @property
    def vcpus(self) -> int:
        """Proposed number of virtual processors."""
        return self.plan.vcpus

    @property
    def memory_mib(self) -> int:
        """Proposed memory."""
        return self.plan.memory_mib

    @property
    def disk_bytes(self) -> int:
        """Proposed size of the first disk; 0 means the size of the image, or no disk."""
        disks = self.plan.disks
        return disks[0].size_bytes if disks else 0

    @property
    def network_name(self) -> str:
        """Network of the first interface; "" means none."""
        nics = self.plan.nics
        return nics[0].network if nics else ""

    @property
    def has_cloud_init(self) -> bool:
        """True where guests read a cloud-init seed."""
        return self.plan.cloud.is_read

    @property
    def default_user(self) -> str:
        """Account that is proposed for new guests."""
        return self.plan.cloud.user


class TemplateVersion(models.Model):
    """What a template was from one change to the next; rows are only ever added."""

    id = models.BigAutoField(primary_key=True)
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150, blank=True)
    """Copied, so that it stays true when the account is gone."""
    content = models.JSONField(default=dict)
    """Name, description, operating system, image and blueprint, by the names of their columns."""

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["template", "number"], name="template_version_once_per_number"
            )
        ]
