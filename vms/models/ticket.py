"""Tickets for consoles and tokens for scripts; of both only a hash is kept."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Ticket(models.Model):
    """Permission to open one console once. Bound to user, session, VM, kind, device, mode."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    secret_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    """None for one that came by a link."""
    link = models.ForeignKey(
        "vms.ConsoleLink", null=True, on_delete=models.CASCADE, related_name="+"
    )
    vm = models.ForeignKey("vms.VM", on_delete=models.CASCADE, related_name="tickets")
    session_key = models.CharField(max_length=40, blank=True)
    """The browser session that asked, or the visit by a link; "" for a bearer token."""
    token = models.ForeignKey("vms.ApiToken", null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, default="vnc")
    device = models.PositiveSmallIntegerField(default=0)
    """Which serial device, counted from 0."""
    is_for_gateway = models.BooleanField(default=False)
    """Good at a gateway of the guest's host and nowhere else."""
    mode = models.CharField(max_length=10, default="control")
    claims = models.BooleanField(default=True)
    """Whether it takes control when it opens, if nobody has it."""
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)


class TokenScope(models.TextChoices):
    """How much of what its owner may do a token may."""

    READ = "read", _("Read")
    POWER = "power", _("Read, start and stop guests")
    ALL = "all", _("Everything")


class ApiToken(models.Model):
    """A bearer token of a user, shown once when made."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens"
    )
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=TokenScope.choices, default=TokenScope.ALL)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
