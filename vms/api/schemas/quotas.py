"""What the API answers about quotas and leases."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from vms.models import QuotaScope


class Amounts(BaseModel):
    """How much of each resource."""

    guests: int
    running: int
    vcpus: int
    memory_mib: int
    disk_bytes: int


class QuotaBounds(BaseModel):
    """Limits of each resource: a number, "unlimited", or null where nothing is said."""

    guests: int | Literal["unlimited"] | None
    running: int | Literal["unlimited"] | None
    vcpus: int | Literal["unlimited"] | None
    memory_mib: int | Literal["unlimited"] | None
    disk_bytes: int | Literal["unlimited"] | None


class SiteQuota(BaseModel):
    """What each person may have who has no quota of his own."""

    limits: QuotaBounds


class QuotaInfo(BaseModel):
    """The quota of a person or a group, and what is used of it."""

    id: UUID
    name: str
    limits: QuotaBounds
    used: Amounts


class QuotaSource(BaseModel):
    """A quota that binds you: your own, the site's, or that of a group."""

    scope: QuotaScope
    name: str
    limits: QuotaBounds
    used: Amounts


class LeaseRuleInfo(BaseModel):
    """How long guests live; null stands for no limit."""

    default_days: int | None
    max_days: int | None
    grace_days: int


class LeaseInfo(BaseModel):
    """When a guest ends."""

    expires_at: datetime = Field(description="It is shut down then.")
    deleted_at: datetime = Field(description="It is deleted then.")
