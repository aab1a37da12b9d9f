"""Full listings of a host, written as one: what makes up for events that were missed."""

from __future__ import annotations

import structlog

from vms.hypervisor import domains, networks, nodes
from vms.hypervisor.errors import HostAway, HostBusy, HostTimeout, StorageSilent
from vms.services import survey, sync
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
    """List pools and volumes and write them; a pool that cannot be listed keeps what was seen.

    While one does not answer, libvirt lists none: then all stay as they were.
    """
    silence = desk.once("storage")
    try:
        found = survey.look_at_storage(desk.host, refresh=refresh)
    except StorageSilent as error:
        if silence.is_news(error.code):
            log.warning("storage-silent", host=desk.host.name)
        return
    silence.over()
    for name, code in found.items():
        if not code:
            desk.once(f"pool {name}").over()
        elif desk.once(f"pool {name}").is_news(code):
            log.info("pool-not-listed", pool=name, code=code)
