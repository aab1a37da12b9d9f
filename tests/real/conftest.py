"""A real libvirtd with QEMU, and names, a pool and a network of this run's own.

Nothing here is skipped: without libvirtd these tests fail. Whatever a run makes carries its prefix
and is removed at its end; what a killed run left behind is removed by the next.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt
import pytest

from tests.support.loopdisk import loop_device
from vms.hypervisor import networks, nodes, storage
from vms.hypervisor.connection import HostConnection, Lane
from vms.hypervisor.types import NetworkInfo, PoolInfo

URI = "qemu:///system"
POOL_ROOT = Path("/var/lib/libvirt/kvmweb-test")
PREFIX = re.compile(r"kvmwebtest-(\d+)-")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def real_prefix() -> str:
    """What the names of this run's domains, pools, volumes and networks begin with."""
    return f"kvmwebtest-{os.getpid()}-"


@pytest.fixture(scope="session")
def real_host(real_prefix: str) -> Iterator[HostConnection]:
    """The QEMU of this machine. Fails, loudly, where there is none."""
    host = HostConnection(URI)
    assert nodes.facts(host).driver == "QEMU"
    for prefix in _leftovers(host):
        _remove_all(host, prefix)
    try:
        yield host
    finally:
        try:
            _remove_all(host, real_prefix)
        finally:
            host.close()


@pytest.fixture(scope="session")
def real_pool(real_host: HostConnection, real_prefix: str) -> PoolInfo:
    """A directory pool of this run's own, made through libvirt; `.name` and `.path`."""
    name = f"{real_prefix}pool"
    return storage.ensure_dir_pool(real_host, name, str(POOL_ROOT / name))


@pytest.fixture(scope="session")
def real_network(real_host: HostConnection, real_prefix: str) -> NetworkInfo:
    """An isolated network with DHCP, its own bridge and a subnet nobody else has; `.name`."""
    name = f"{real_prefix}net"
    bridge = f"kvt{os.getpid()}"

    def make(conn: libvirt.virConnect) -> None:
        for third in range(256):
            base = f"10.{100 + os.getpid() % 100}.{third}"
            xml = (
                f"<network><name>{name}</name><bridge name='{bridge}' stp='off' delay='0'/>"
                f"<ip address='{base}.1' netmask='255.255.255.0'>"
                f"<dhcp><range start='{base}.2' end='{base}.254'/></dhcp></ip></network>"
            )
            network = conn.networkDefineXML(xml)
            try:
                network.create()
            except libvirt.libvirtError:
                network.undefine()
                if third == 255:
                    raise
            else:
                return

    real_host.call(Lane.VERBS, make, timeout_s=60)
    return next(net for net in networks.list_all(real_host) if net.name == name)


@pytest.fixture
def real_cleanup(real_host: HostConnection) -> Iterator[Callable[[str], None]]:
    """Call it with a domain's UUID: that domain is gone when the test ends."""
    uuids: list[str] = []
    yield uuids.append
    for each in uuids:
        real_host.call(Lane.VERBS, lambda conn, each=each: _remove_uuid(conn, each), timeout_s=60)


@pytest.fixture
def place(real_host, real_prefix, admin, django_capture_on_commit_callbacks):
    """A host row with short ways to make pools and volumes; all of it goes."""
    from tests.real.place import Place
    from vms.hypervisor import registry
    from vms.models import Host
    from vms.services import survey

    prefix = f"{real_prefix}{uuid.uuid4().hex[:4]}-"
    row = Host.objects.create(name=prefix, uri=URI)
    survey.facts(row)
    yield Place(row, admin, prefix, django_capture_on_commit_callbacks)
    registry.forget(str(row.pk))
    _remove_all(real_host, prefix)


@pytest.fixture
def loop(real_host, place) -> Iterator[str]:
    """A loop device of 64 MiB."""
    from tests.real.place import SMALL

    POOL_ROOT.mkdir(parents=True, exist_ok=True)
    with loop_device(POOL_ROOT / f"{place.prefix}loop", SMALL) as device:
        yield device
        _remove_all(real_host, place.prefix)


@pytest.fixture
def small(place, loop):
    """A pool with less than 64 MiB: a file system of its own."""
    from vms.hypervisor.storage_types import PoolKind

    return place.pool("small", kind=PoolKind.FS, device=loop, is_formatted=True)


def _leftovers(host: HostConnection) -> set[str]:
    """Return the prefixes of runs whose process is gone."""

    def names(conn: libvirt.virConnect) -> list[str]:
        things = [*conn.listAllDomains(0), *conn.listAllStoragePools(0), *conn.listAllNetworks(0)]
        return [thing.name() for thing in things]

    folders = [folder.name for folder in POOL_ROOT.glob("kvmwebtest-*")]
    found = (PREFIX.match(name) for name in [*host.call(Lane.VERBS, names), *folders])
    return {match[0] for match in found if match and not Path(f"/proc/{match[1]}").exists()}


def _remove_all(host: HostConnection, prefix: str) -> None:
    for remove in (_remove_domains, _remove_pools, _remove_networks):
        host.call(Lane.VERBS, lambda conn, remove=remove: remove(conn, prefix), timeout_s=120)
    for folder in POOL_ROOT.glob(f"{prefix}*"):
        shutil.rmtree(folder, ignore_errors=True)
    if POOL_ROOT.is_dir() and not any(POOL_ROOT.iterdir()):
        POOL_ROOT.rmdir()


def _remove_domains(conn: libvirt.virConnect, prefix: str) -> None:
    for domain in conn.listAllDomains(0):
        if domain.name().startswith(prefix):
            _remove_uuid(conn, domain.UUIDString())


def _remove_uuid(conn: libvirt.virConnect, uuid: str) -> None:
    flags = (
        libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    )
    try:
        domain = conn.lookupByUUIDString(uuid)
    except libvirt.libvirtError:
        return
    if domain.isActive():
        domain.destroy()
    if domain.isPersistent():
        domain.undefineFlags(flags)


def _remove_pools(conn: libvirt.virConnect, prefix: str) -> None:
    for pool in conn.listAllStoragePools(0):
        if not pool.name().startswith(prefix):
            continue
        if pool.isActive():
            for volume in pool.listAllVolumes(0):
                volume.delete(0)
            pool.destroy()
        if pool.isPersistent():
            pool.undefine()


def _remove_networks(conn: libvirt.virConnect, prefix: str) -> None:
    for network in conn.listAllNetworks(0):
        if not network.name().startswith(prefix):
            continue
        if network.isActive():
            network.destroy()
        if network.isPersistent():
            network.undefine()
