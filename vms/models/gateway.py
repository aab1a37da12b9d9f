"""Console gateways: programs on hypervisor hosts that let consoles in; and those consoles."""

from __future__ import annotations

import uuid

from django.db import models


class Gateway(models.Model):
    """The credential of one gateway; of the secret only a hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey("vms.Host", on_delete=models.CASCADE, related_name="gateways")
    name = models.CharField(max_length=100, unique=True)
    secret_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]


class GatewayConsole(models.Model):
    """A console that a gateway has let in; its id is its ticket's. Deleted when it has ended."""

    id = models.UUIDField(primary_key=True)
    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="consoles")
    vm = models.ForeignKey("vms.VM", null=True, on_delete=models.SET_NULL, related_name="+")
    grant = models.JSONField()
    """What the ticket was good for."""
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now_add=True)
    bytes_in = models.PositiveBigIntegerField(default=0)
    bytes_out = models.PositiveBigIntegerField(default=0)
    end = models.CharField(max_length=40, blank=True)
    """Why it is to end, decided here; the gateway hears it when it asks."""
