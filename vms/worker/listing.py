"""Full listings of a host, written as one: what makes up for events that were missed."""

from __future__ import annotations

import structlog

from vms.hypervisor import domains, networks, nodes, storage
from vms.hypervisor.errors import HostAway, HostBusy, HostTimeout, HypervisorError
from vms.hypervisor.types import PoolState
from vms.services import sync
from vms.worker.desk import Desk

log = structlog.get_logger(__name__)

UNREACHABLE = (HostAway, HostBusy, HostTimeout)
FACTS_TIMEOUT_S = 90.0


def everything(desk: Desk, *, refresh: bool) -> None:
    """List all that is on the host and write it; `refresh` makes it look into the pools anew."""
    everyone(desk)
    sync.observe_networks(desk.host, networks.list_all(desk.connection))
    pools(desk, refresh=refresh)
    # Last, so that a page which reads "connected" finds the rest.
    sync.host_answers(desk.host)


def facts(desk: Desk) -> bool:
    """Read what the host is and write it; False when that took too long this time."""
    try:
        found = nodes.facts(desk.connection, timeout_s=FACTS_TIMEOUT_S)
    except HostTimeout:
        if desk.once("facts").is_news("slow"):
            log.warning("host-facts-take-too-long", host=desk.host.name)
        return False
    desk.once("facts").over()
    sync.observe_host(desk.host, found)
    return True


def everyone(desk: Desk) -> None:
    """List all domains and write them, except those about which later news came meanwhile."""
    with desk.listing:
        desk.begin_listing()
        records = domains.list_all(desk.connection)
        with desk.writing:
            sync.observe_domains(desk.host, records, except_for=desk.touched_since())


def pools(desk: Desk, *, refresh: bool) -> None:
    """List pools and volumes and write them; a pool that cannot be listed keeps what was seen."""
    connection = desk.connection
    before = sync.before_listing(desk.host)
    found = storage.list_pools(connection)
    volumes = {}
    for pool in found:
        if pool.state is not PoolState.ACTIVE:
            continue
        try:
            volumes[pool.name] = storage.list_volumes(connection, pool.name, refresh=refresh)
        except UNREACHABLE:
            raise
        except HypervisorError as error:
            if desk.once(f"pool {pool.name}").is_news(error.code):
                log.info("pool-not-listed", pool=pool.name, code=error.code)
        else:
            desk.once(f"pool {pool.name}").over()
    sync.observe_pools(desk.host, found, volumes, before=before)
