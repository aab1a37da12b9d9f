"""libvirt's test driver, whose state the whole process shares while a connection is open."""

from __future__ import annotations

from vms.hypervisor import domains, storage
from vms.hypervisor.connection import HostConnection


def sweep(link: HostConnection) -> None:
    """Leave in the driver only its own domain "test", and no volume."""
    for record in domains.list_all(link):
        if record.name != "test":
            domains.destroy_if_active(link, record.uuid)
            domains.undefine(link, record.uuid)
    for pool in storage.list_pools(link):
        for volume in storage.list_volumes(link, pool.name):
            storage.delete_volume(link, pool=pool.name, name=volume.name)
