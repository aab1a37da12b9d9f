"""Grants and limits of templates in the API: a part of its contract."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from ninja import Field
from pydantic import BaseModel, StringConstraints

from vms.api.inputs import MAX_BIGINT, MAX_INT, Flag, Input
from vms.models.grant import CLOUD_FIELDS

CloudField = Literal[
    "user",
    "password",
    "ssh_keys",
    "hostname",
    "packages",
    "timezone",
    "locale",
    "addresses",
    "user_data",
]
Small = Annotated[int, Field(strict=True, ge=0, le=MAX_INT)]
Large = Annotated[int, Field(strict=True, ge=0, le=MAX_BIGINT)]
NetworkName = Annotated[str, StringConstraints(max_length=255)]


class SpanInfo(BaseModel):
    """From where to where; null leaves an end to the host."""

    least: int | None
    most: int | None


class LimitsInfo(BaseModel):
    """What may be changed in a new guest."""

    vcpus: SpanInfo
    memory_mib: SpanInfo
    disk_bytes: SpanInfo = Field(description="Of all disks together.")
    networks: list[str] = Field(description="To choose from; empty: the template's own.")
    cloud_fields: list[str] = Field(description="What may be said by cloud-init.")


class AccessInfo(BaseModel):
    """To whom a template is granted, and within which limits."""

    is_for_all: bool
    group_ids: list[UUID]
    limits: LimitsInfo


class SmallSpan(Input):
    """From where to where; null leaves an end to the host."""

    least: Small | None = None
    most: Small | None = None


class LargeSpan(Input):
    """From where to where, in bytes; null leaves an end to the host."""

    least: Large | None = None
    most: Large | None = None


class LimitsChange(Input):
    """What may be changed in a new guest; what is left out is not limited."""

    vcpus: SmallSpan = SmallSpan()
    memory_mib: SmallSpan = SmallSpan()
    disk_bytes: LargeSpan = LargeSpan()
    networks: list[NetworkName] = Field(default_factory=list, max_length=100)
    cloud_fields: list[CloudField] | None = Field(
        default=None, max_length=len(CLOUD_FIELDS), description="Null for all of them."
    )


class AccessChange(Input):
    """To whom a template is to be granted; without anybody it is for administrators alone."""

    is_for_all: Flag = False
    group_ids: list[UUID] = Field(default_factory=list, max_length=500)
    limits: LimitsChange = LimitsChange()
