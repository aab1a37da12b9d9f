"""Shares: what somebody who does not own a guest may do with it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class VmRole(models.TextChoices):
    """What a person is on one guest, the strongest first."""

    OWNER = "owner", _("Owner")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")

    @property
    def rank(self) -> int:
        """How much it allows: a larger number allows all that a smaller one does."""
        return {"owner": 3, "operator": 2, "viewer": 1}[self.value]


class Share(models.Model):
    """A guest shared with one person or with one group, at a role."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vm = models.ForeignKey("vms.VM", on_delete=models.CASCADE, related_name="shares")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="shares",
    )
    group = models.ForeignKey(
        "vms.Group", null=True, blank=True, on_delete=models.CASCADE, related_name="shares"
    )
    role = models.CharField(max_length=10, choices=VmRole.choices)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, group__isnull=True)
                | models.Q(user__isnull=True, group__isnull=False),
                name="share_with_one",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "operator", "viewer"]),
                name="share_role_known",
            ),
            models.UniqueConstraint(fields=["vm", "user"], name="share_once_per_person"),
            models.UniqueConstraint(fields=["vm", "group"], name="share_once_per_group"),
        ]

    @property
    def name(self) -> str:
        """Name of the person or group; reads it unless it was fetched along."""
        return self.user.username if self.user else str(self.group)

    @property
    def vm_role(self) -> VmRole:
        """The role as an enum."""
        return VmRole(self.role)
