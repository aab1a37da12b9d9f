"""Look at a host and write down what is there: facts, storage, networks, domains.

Used by the worker's reconcile and by the first set-up; one failing part does not hide the others.
"""

from __future__ import annotations

from dataclasses import replace

from vms.hypervisor import domains, networks, nodes, storage
from vms.hypervisor.errors import HostAway, HypervisorError, StorageSilent
from vms.hypervisor.types import PoolInfo, PoolState, VolumeInfo
from vms.models import Host
from vms.services import hosts, sync


def facts(host: Host, *, timeout_s: float | None = None) -> None:
    """Read what the host is, within the usual time or that one. Raises host errors."""
    sync.observe_host(host, nodes.facts(hosts.connection(host), timeout_s=timeout_s))
    host.refresh_from_db()


def all_domains(host: Host) -> None:
    """Read every domain; rows of domains that are gone go too. Raises host errors."""
    sync.observe_domains(host, domains.list_all(hosts.connection(host)))


def storage_of(host: Host) -> None:
    """Read every pool and the volumes of those that run. Raises host errors."""
    look_at_storage(host, refresh=True)


def look_at_storage(host: Host, *, refresh: bool) -> dict[str, str]:
    """Read every pool and the volumes of those that run; `refresh` looks for files put there by
    hand. Returns the code of what was wrong by pool, "" for none. Raises host errors.

    A pool that does not answer is written as one that cannot be reached, with its volumes as seen.
    """
    link = hosts.connection(host)
    before = sync.before_listing(host)
    pools = storage.list_pools(link)
    volumes: dict[str, list[VolumeInfo]] = {}
    codes = {pool.name: "" for pool in pools if pool.state is PoolState.ACTIVE}
    for name in codes:
        try:
            volumes[name] = storage.list_volumes(link, name, refresh=refresh)
        except HostAway:
            raise
        except HypervisorError as error:
            codes[name] = error.code
    seen = [_unless_silent(pool, codes.get(pool.name, "")) for pool in pools]
    sync.observe_pools(host, seen, volumes, before=before)
    return codes


def _unless_silent(pool: PoolInfo, code: str) -> PoolInfo:
    is_silent = code == StorageSilent.code
    return replace(pool, state=PoolState.INACCESSIBLE) if is_silent else pool


def pool(host: Host, name: str) -> None:
    """Read every pool, and the volumes of one of them if it runs. Raises host errors.

    While another does not answer, this one alone is read.
    """
    link = hosts.connection(host)
    before = sync.before_listing(host)
    only = ""
    try:
        pools = storage.list_pools(link)
    except StorageSilent:
        pools, only = storage.pools_named(link, name), name
    is_active = any(one.name == name and one.state is PoolState.ACTIVE for one in pools)
    volumes = {name: storage.list_volumes(link, name, refresh=True)} if is_active else {}
    sync.observe_pools(host, pools, volumes, before=before, only=only)


def networks_of(host: Host) -> None:
    """Read every virtual network. Raises host errors."""
    sync.observe_networks(host, networks.list_all(hosts.connection(host)))


def everything(host: Host) -> None:
    """Read all of it; the first error is raised after the rest was tried."""
    first: HypervisorError | None = None
    for look in (facts, networks_of, storage_of, all_domains):
        try:
            look(host)
        except HypervisorError as error:
            first = first or error
    if first is not None:
        raise first
