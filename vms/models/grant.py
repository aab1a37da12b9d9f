"""Who may use a template, and what they may change when they make a guest from it."""

from __future__ import annotations

import uuid

from django.db import models

CLOUD_FIELDS = (
    "user",
    "password",
    "ssh_keys",
    "hostname",
    "packages",
    "timezone",
    "locale",
    "addresses",
    "user_data",
)
"""What can be said to a new guest by cloud-init."""


def every_cloud_field() -> list[str]:
    """Return the fields that may be said where nothing is limited."""
    return list(CLOUD_FIELDS)


class TemplateGrant(models.Model):
    """A template given to one group or, without a group, to everyone. Without any grant it is for
    administrators alone, and for its author.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey("vms.Template", on_delete=models.CASCADE, related_name="grants")
    is_for_all = models.BooleanField(default=False)
    group = models.ForeignKey(
        "vms.Group", null=True, on_delete=models.CASCADE, related_name="template_grants"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template"],
                condition=models.Q(is_for_all=True),
                name="template_grant_to_all_once",
            ),
            models.UniqueConstraint(
                fields=["template", "group"], name="template_grant_once_per_group"
            ),
            models.CheckConstraint(
                condition=models.Q(is_for_all=True, group=None)
                | models.Q(is_for_all=False, group__isnull=False),
                name="template_grant_to_all_or_one_group",
            ),
        ]


class TemplateLimits(models.Model):
    """Ranges for what is chosen at creation; null leaves an end to the host."""

    template = models.OneToOneField(
        "vms.Template", primary_key=True, on_delete=models.CASCADE, related_name="limits"
    )
    min_vcpus = models.PositiveIntegerField(null=True)
    max_vcpus = models.PositiveIntegerField(null=True)
    min_memory_mib = models.PositiveIntegerField(null=True)
    max_memory_mib = models.PositiveIntegerField(null=True)
    min_disk_bytes = models.BigIntegerField(null=True)
    """Of all disks together, as the next."""
    max_disk_bytes = models.BigIntegerField(null=True)
    networks = models.JSONField(default=list, blank=True)
    """Names of the networks to choose from for the first interface; empty: the template's own."""
    cloud_fields = models.JSONField(default=every_cloud_field)
    """Which of `CLOUD_FIELDS` may be said; the template's values stand for the others."""
