"""What the site asks of everybody with a role."""

from __future__ import annotations

from django.db import models


class RoleRule(models.Model):
    """The rules for one role; a role without a row is asked for nothing."""

    role = models.CharField(max_length=20, primary_key=True)
    needs_second_factor = models.BooleanField(default=False)
