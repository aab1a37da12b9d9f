"""What answers of every kind are made of: ids are UUIDs, sizes carry their unit, times a zone."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """Why a request was not done, as application/problem+json (RFC 9457)."""

    type: str = Field(description="urn:kvmweb:problem: and the code.")
    title: str = Field(description="What the status means.")
    status: int
    code: str = Field(description="Stable word for programs.")
    detail: str = Field(description="A sentence for people.")
    fields: dict[str, str] | None = Field(
        None, description="Where the input is wrong, and why; only for wrong input."
    )


class Ref(BaseModel):
    """Something else, by id and name."""

    id: UUID
    name: str


class Page(BaseModel):
    """A part of a list; `total` counts the whole."""

    total: int
    limit: int
    offset: int
