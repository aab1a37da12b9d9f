"""libvirt's test driver, whose state the whole process shares while a connection is open."""

from __future__ import annotations

from vms.hypervisor import domains, pools, storage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.types import PoolState

OWN_POOL = "default-pool"


def sweep(link: HostConnection) -> None:
    """Leave in the driver only its own domain "test" and its own pool, and no volume."""
    for record in domains.list_all(link):
        if record.name != "test":
            domains.destroy_if_active(link, record.uuid)
            domains.undefine(link, record.uuid)
    for pool in storage.list_pools(link):
        if pool.name != OWN_POOL:
            if pool.state != PoolState.INACTIVE:
                pools.stop(link, pool.name)
            pools.undefine(link, pool.name)
            continue
        for volume in storage.list_volumes(link, pool.name):
            storage.delete_volume(link, pool=pool.name, name=volume.name)
