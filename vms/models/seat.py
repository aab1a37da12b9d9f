"""Who sits at the consoles of guests, in every process of the site; and links for those without an
account.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Seat(models.Model):
    """One open console. Its id is that of the ticket that opened it.

    `seen_at` is renewed by the process whose socket it is; a seat not seen for a while is a dead
    one. That at most one has control is a constraint, whatever number of processes there is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vm = models.ForeignKey("vms.VM", on_delete=models.CASCADE, related_name="seats")
    kind = models.CharField(max_length=10)
    device = models.PositiveSmallIntegerField(default=0)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    link = models.ForeignKey(
        "vms.ConsoleLink", null=True, on_delete=models.CASCADE, related_name="seats"
    )
    name = models.CharField(max_length=150)
    """As others see it: of a person, or of the link."""
    may_control = models.BooleanField(default=False)
    """What the ticket was for: one for watching never becomes more."""
    has_control = models.BooleanField(default=False)
    is_alone = models.BooleanField(default=False)
    """Nobody else may have a console of the guest open."""
    asked_at = models.DateTimeField(null=True)
    """Since when it asks for control."""
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(db_index=True)
    server = models.CharField(max_length=32)
    """The process whose socket it is."""

    class Meta:
        """Order, and that control is one."""

        ordering = ["opened_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["vm", "kind", "device"], condition=Q(has_control=True), name="one_controls"
            )
        ]


class ConsoleLink(models.Model):
    """Lets somebody without an account open one console of a guest; of its secret only a hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    vm = models.ForeignKey("vms.VM", on_delete=models.CASCADE, related_name="console_links")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=100)
    secret_hash = models.CharField(max_length=64, unique=True)
    passphrase_hash = models.CharField(max_length=200, blank=True)
    """As of a password; "" when none is asked for."""
    kind = models.CharField(max_length=10)
    device = models.PositiveSmallIntegerField(default=0)
    mode = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    uses_left = models.PositiveIntegerField(null=True)
    """None: as often as wanted. Coming back in the same browser is no new use."""
    uses = models.PositiveIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)
    last_address = models.CharField(max_length=45, blank=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        ordering = ["-created_at", "id"]

    @property
    def has_control(self) -> bool:
        """True when it lets somebody use the guest, not only watch."""
        return self.mode == "control"

    @property
    def is_alive(self) -> bool:
        """True while it has neither expired nor been revoked; it may be used up."""
        return self.revoked_at is None and self.expires_at > timezone.now()
