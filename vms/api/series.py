"""History as columns of numbers, for guests and hosts: reading only."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from vms.api.auth import actor_of
from vms.api.inputs import SpanChoice
from vms.api.schemas.series import SeriesInfo
from vms.services import series

guests = Router(tags=["vms"])
hosts = Router(tags=["hosts"])


@guests.get(
    "/{vm_id}/series",
    response=SeriesInfo,
    operation_id="get_vm_series",
    summary="Read a guest's history",
)
def get_vm_series(request: HttpRequest, vm_id: UUID, wanted: Query[SpanChoice]) -> SeriesInfo:
    """Give what a guest used over an hour, a day, a week, a month or a year, evenly spaced."""
    found = series.of_guest(actor=actor_of(request), vm_id=vm_id, span=wanted.span)
    return SeriesInfo(**asdict(found))


@hosts.get(
    "/{host_id}/series",
    response=SeriesInfo,
    operation_id="get_host_series",
    summary="Read a host's history",
)
def get_host_series(request: HttpRequest, host_id: UUID, wanted: Query[SpanChoice]) -> SeriesInfo:
    """Give what a host used; disk and network are those of its guests together."""
    found = series.of_host(actor=actor_of(request), host_id=host_id, span=wanted.span)
    return SeriesInfo(**asdict(found))
