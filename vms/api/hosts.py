"""Hosts: reading only, from what was last seen."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from vms import selectors
from vms.api import represent
from vms.api.auth import actor_of
from vms.api.inputs import HostConsoles, Paging
from vms.api.once import MATCH, require_match, tag_of
from vms.api.paging import each, page
from vms.api.schemas.hosts import HostDetail, HostPage
from vms.models import Host
from vms.services import gateways

hosts = Router(tags=["hosts"])


@hosts.get("", response=HostPage, operation_id="list_hosts", summary="List hosts")
def list_hosts(request: HttpRequest, paging: Query[Paging]) -> HostPage:
    """List the hosts you may look into. For administrators; others get an empty list."""
    rows = selectors.hosts(actor_of(request))
    return page(HostPage, rows, paging, each(represent.host_summary))


@hosts.get("/{host_id}", response=HostDetail, operation_id="get_host", summary="Look at a host")
def get_host(request: HttpRequest, host_id: UUID) -> HostDetail:
    """Show a host with its pools and networks."""
    actor = actor_of(request)
    row = selectors.host(actor, host_id)
    return represent.host_detail(
        row,
        list(selectors.measured_pools(actor).filter(host=row)),
        list(selectors.networks(actor).filter(host=row)),
    )


@hosts.put(
    "/{host_id}/consoles",
    response=HostConsoles,
    operation_id="set_host_consoles",
    summary="Choose the way of consoles",
    openapi_extra=MATCH,
)
def set_host_consoles(
    request: HttpRequest, host_id: UUID, data: HostConsoles, response: HttpResponse
) -> HostConsoles:
    """Have the screens of a host's guests come through a gateway, or the site when empty."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_consoles(selectors.host(actor, host_id))))
    host = gateways.set_route(actor=actor, host_id=host_id, url=data.console_gateway_url)
    response["ETag"] = tag_of(_consoles(host))
    return _consoles(host)


def _consoles(host: Host) -> HostConsoles:
    return HostConsoles(console_gateway_url=host.console_gateway_url)


@hosts.get(
    "/{host_id}/consoles",
    response=HostConsoles,
    operation_id="get_host_consoles",
    summary="Read the way of consoles",
)
def get_host_consoles(request: HttpRequest, host_id: UUID, response: HttpResponse) -> HostConsoles:
    """Say through which gateway the screens of a host's guests come."""
    shown = _consoles(selectors.host(actor_of(request), host_id))
    response["ETag"] = tag_of(shown)
    return shown
