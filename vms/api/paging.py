"""Parts of lists: one count and one slice, whatever the length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from vms.api.inputs import Paging
from vms.api.schemas.common import Page

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Page)
Items = list[Any]  # Any: the item type of the page's schema, which pydantic checks


def page(
    schema: type[P], rows: QuerySet[M], paging: Paging, represent: Callable[[list[M]], Items]
) -> P:
    """Cut `rows` as `paging` says and show them with `represent`."""
    chosen = list(rows[paging.offset : paging.offset + paging.limit])
    return schema(
        total=rows.count(),
        limit=paging.limit,
        offset=paging.offset,
        items=represent(chosen),  # type: ignore[call-arg]  # every page has items of its own type
    )


def each(represent: Callable[[M], object]) -> Callable[[list[M]], Items]:
    """Make of a function that shows one row one that shows many."""
    return lambda rows: [represent(row) for row in rows]
