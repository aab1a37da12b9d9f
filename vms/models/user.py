"""People who log in."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person is on the whole site."""

    ADMINISTRATOR = "administrator", _("Administrator")
    AUTHOR = "author", _("Template author")
    USER = "user", _("User")
    AUDITOR = "auditor", _("Auditor")


class User(AbstractUser):
    """A person. Django's own `is_staff` and `is_superuser` mean nothing here; `role` decides."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.USER)
    is_pending = models.BooleanField(default=False)
    """Registered himself and waits for an administrator; not active until then."""
    ldap_dn = models.CharField(max_length=500, blank=True)
    """Name in the LDAP directory by which the account was made; "" for one that was made here."""
    must_change_password = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True)
    """Code of the language that he chose; "" for what his browser asks for."""
    guest_view = models.CharField(max_length=10, default="list")
    """How he last looked at the guests: list or gallery."""
    preferences = models.JSONField(default=dict, blank=True)
    """Tastes, which nobody's rights depend on; services/preferences.py knows what stands in it."""

    class Meta:
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known")
        ]

    @property
    def is_administrator(self) -> bool:
        """True for an active administrator."""
        return self.is_active and self.role == Role.ADMINISTRATOR
