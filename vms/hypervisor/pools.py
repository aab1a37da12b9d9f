"""Storage pools: define, start, stop, refresh, autostart, delete. Volumes are in storage.py."""

from __future__ import annotations

from collections.abc import Callable

import libvirt

from .connection import HostConnection, Lane
from .errors import InvalidConfig, NameTaken, OperationFailed
from .storage_types import PoolKind, PoolSpec
from .xml.build import pool_spec_xml
from .xml.tree import read, text_of

POOL_TIMEOUT_S = 60.0
"""Mounting a share whose server is away takes its time to fail."""


def define(host: HostConnection, spec: PoolSpec) -> str:
    """Define a pool that libvirt finds valid, build and start it; it starts with the host.

    Returns its UUID. A pool that cannot be built or started is not kept. Raises NameTaken,
    InvalidConfig, OperationFailed.
    """
    flag = libvirt.VIR_STORAGE_POOL_BUILD_NEW
    if spec.is_formatted:
        flag = libvirt.VIR_STORAGE_POOL_BUILD_NO_OVERWRITE
    is_built = spec.kind is not PoolKind.LOGICAL or spec.is_formatted
    return _define(host, pool_spec_xml(spec), flag if is_built else None)


def define_xml(host: HostConnection, xml: str) -> str:
    """Define a pool of any kind from its XML, started if that works. Returns its UUID.

    Whether it has started is for the caller to see. Raises NameTaken, InvalidConfig.
    """
    root = read(xml)
    if root.tag != "pool" or not text_of(root, "name").strip():
        raise InvalidConfig(detail="<pool><name>")
    return _define(host, xml, None, must_start=False)


def start(host: HostConnection, name: str) -> None:
    """Start the pool; fine if it runs. Raises PoolNotFound, OperationFailed."""
    _act(host, name, lambda pool: None if pool.isActive() else pool.create(0))


def stop(host: HostConnection, name: str) -> None:
    """Stop the pool; its data stays. Fine if it is stopped. Raises OperationFailed while busy."""
    _act(host, name, lambda pool: pool.destroy() if pool.isActive() else None)


def refresh(host: HostConnection, name: str) -> None:
    """Let libvirt look into the pool anew. Raises OperationFailed while a volume is being made."""
    _act(host, name, lambda pool: pool.refresh(0))


def set_autostart(host: HostConnection, name: str, *, is_on: bool) -> None:
    """Say whether the pool starts with the host."""
    _act(host, name, lambda pool: pool.setAutostart(1 if is_on else 0))


def undefine(host: HostConnection, name: str) -> None:
    """Stop the pool and forget it; what is in it stays where it is."""

    def run(pool: libvirt.virStoragePool) -> None:
        if pool.isActive():
            pool.destroy()
        if pool.isPersistent():
            pool.undefine()

    _act(host, name, run)


def delete_with_data(host: HostConnection, name: str) -> None:
    """Delete the pool's place itself (folder, volume group) and forget it.

    Its volumes must be gone: a folder with anything in it stays, and OperationFailed says so.
    """

    def run(pool: libvirt.virStoragePool) -> None:
        if pool.isActive():
            pool.destroy()
        pool.delete(libvirt.VIR_STORAGE_POOL_DELETE_NORMAL)
        pool.undefine()

    _act(host, name, run)


def get_xml(host: HostConnection, name: str) -> str:
    """Return the definition of the pool, without secrets."""
    return host.call(
        Lane.STORAGE,
        lambda conn: str(conn.storagePoolLookupByName(name).XMLDesc(0)),
        context={"pool": name, "name": name},
    )


def _act(host: HostConnection, name: str, act: Callable[[libvirt.virStoragePool], object]) -> None:
    host.call(
        Lane.STORAGE,
        lambda conn: act(conn.storagePoolLookupByName(name)),
        timeout_s=POOL_TIMEOUT_S,
        context={"pool": name, "name": name},
    )


def _define(host: HostConnection, xml: str, build: int | None, *, must_start: bool = True) -> str:
    root = read(xml)
    name, uuid = text_of(root, "name").strip(), text_of(root, "uuid").strip()

    def run(conn: libvirt.virConnect) -> str:
        # A definition with a known name or UUID would change that pool: a new one never does.
        for pool in conn.listAllStoragePools(0):
            if name == pool.name() or uuid.lower() == pool.UUIDString():
                raise NameTaken(name=pool.name())
        pool = conn.storagePoolDefineXML(xml, libvirt.VIR_STORAGE_POOL_DEFINE_VALIDATE)
        try:
            if build is not None:
                pool.build(build)
            pool.create(0)
            pool.setAutostart(1)
        except libvirt.libvirtError:
            if must_start:
                pool.undefine()
                raise
        return str(pool.UUIDString())

    try:
        return host.call(
            Lane.STORAGE, run, timeout_s=POOL_TIMEOUT_S, context={"pool": name, "name": name}
        )
    except OperationFailed as error:
        if _is_of_definition(error):
            raise InvalidConfig(**error.params) from error
        raise


def _is_of_definition(error: OperationFailed) -> bool:
    """libvirt says of two pools with one place that the operation failed: it is the place."""
    cause = error.__cause__
    return isinstance(cause, libvirt.libvirtError) and cause.get_error_domain() in (
        libvirt.VIR_FROM_XML,
        libvirt.VIR_FROM_CONF,
    )
