"""Pools and volumes, always through libvirt: it sets permissions and shows them to others."""

from __future__ import annotations

import errno
from contextlib import suppress

import libvirt

from .connection import HostConnection, Lane
from .errors import (
    InvalidConfig,
    OperationFailed,
    PoolNotFound,
    StorageSilent,
    VolumeNotFound,
)
from .storage_types import VolumeSpec
from .types import PoolInfo, PoolState, VolumeInfo
from .upload import overwrite_bytes, upload_bytes, upload_file
from .volumes import describe, in_pool, make, pool_of
from .xml.build import pool_xml
from .xml.tree import attribute, read, text_of

__all__ = [
    "create_overlay",
    "create_volume",
    "delete_volume",
    "ensure_dir_pool",
    "find_by_path",
    "get_volume",
    "list_pools",
    "list_volumes",
    "overwrite_bytes",
    "upload_bytes",
    "upload_file",
]

LIST_TIMEOUT_S = 30.0
CREATE_TIMEOUT_S = 120.0

_STATES = {
    libvirt.VIR_STORAGE_POOL_INACTIVE: PoolState.INACTIVE,
    libvirt.VIR_STORAGE_POOL_BUILDING: PoolState.BUILDING,
    libvirt.VIR_STORAGE_POOL_RUNNING: PoolState.ACTIVE,
    libvirt.VIR_STORAGE_POOL_DEGRADED: PoolState.DEGRADED,
    libvirt.VIR_STORAGE_POOL_INACCESSIBLE: PoolState.INACCESSIBLE,
}


def list_pools(host: HostConnection, *, timeout_s: float = LIST_TIMEOUT_S) -> list[PoolInfo]:
    """Return every pool, by name. One that vanishes meanwhile is left out.

    Raises StorageSilent, at once while an earlier call still waits for a pool.
    """
    require_answer(host)
    return host.call(Lane.STORAGE, _list_pools, timeout_s=timeout_s)


def pools_named(host: HostConnection, name: str) -> list[PoolInfo]:
    """Return the pool of that name, in a list that is empty where there is none."""
    try:
        return [
            host.call(
                Lane.STORAGE,
                lambda conn: _pool_info(conn.storagePoolLookupByName(name)),
                context={"pool": name},
            )
        ]
    except PoolNotFound:
        return []


def require_answer(host: HostConnection) -> None:
    """Raise StorageSilent while a call waits for a pool: whatever looks at all pools waits, too."""
    if host.is_stuck(Lane.STORAGE):
        raise StorageSilent()


def list_volumes(
    host: HostConnection,
    pool_name: str,
    *,
    refresh: bool = False,
    timeout_s: float = LIST_TIMEOUT_S,
) -> list[VolumeInfo]:
    """Return the volumes of an active pool, by name; `refresh` looks for files put there by hand.

    libvirt refuses a refresh while a volume of the pool is being made: then the list is as it was.
    Raises PoolNotFound, PoolInactive.
    """

    def run(conn: libvirt.virConnect) -> list[VolumeInfo]:
        pool = pool_of(conn, pool_name)
        if refresh:
            with suppress(libvirt.libvirtError):
                pool.refresh(0)
        found = (_described(volume, pool_name) for volume in pool.listAllVolumes(0))
        return sorted((info for info in found if info), key=lambda info: info.name)

    return host.call(Lane.STORAGE, run, timeout_s=timeout_s, context={"pool": pool_name})


def get_volume(host: HostConnection, *, pool: str, name: str) -> VolumeInfo:
    """Return one volume. Raises PoolNotFound, PoolInactive, VolumeNotFound."""
    return host.call(
        Lane.STORAGE,
        lambda conn: describe(in_pool(conn, pool, name), pool),
        context={"pool": pool, "name": name},
    )


def find_by_path(host: HostConnection, path: str) -> VolumeInfo | None:
    """Return the volume at `path` in any active pool, or None."""

    def run(conn: libvirt.virConnect) -> VolumeInfo:
        volume = conn.storageVolLookupByPath(path)
        return describe(volume, volume.storagePoolLookupByVolume().name())

    require_answer(host)
    try:
        return host.call(Lane.STORAGE, run)
    except VolumeNotFound:
        return None


def ensure_dir_pool(
    host: HostConnection, name: str, path: str, *, timeout_s: float = LIST_TIMEOUT_S
) -> PoolInfo:
    """Make sure that a directory pool of that name is there, started, and starts by itself.

    A pool of that name that exists is started as it is, whatever its path.
    """

    def run(conn: libvirt.virConnect) -> PoolInfo:
        try:
            pool = conn.storagePoolLookupByName(name)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_POOL:
                raise
            pool = conn.storagePoolDefineXML(pool_xml(name=name, path=path), 0)
        if not pool.isActive():
            pool.create(libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD)
        if pool.isPersistent() and not pool.autostart():
            pool.setAutostart(1)
        return _pool_info(pool)

    return host.call(Lane.STORAGE, run, timeout_s=timeout_s, context={"pool": name})


def create_volume(
    host: HostConnection,
    *,
    pool: str,
    name: str,
    format: str,
    capacity_bytes: int,
    timeout_s: float = CREATE_TIMEOUT_S,
) -> VolumeInfo:
    """Make a volume, sparse where the pool can: what a piece of a device held before stays in it.

    Raises PoolNotFound, PoolInactive, VolumeExists, NoSpace, InvalidConfig.
    """
    return _create(host, VolumeSpec(pool, name, format, capacity_bytes), timeout_s)


def create_overlay(
    host: HostConnection,
    *,
    pool: str,
    name: str,
    backing: VolumeInfo,
    capacity_bytes: int,
    timeout_s: float = CREATE_TIMEOUT_S,
) -> VolumeInfo:
    """Make a qcow2 volume that starts as `backing` and never changes that.

    Raises VolumeNotFound (with the path as name) where the backing file is missing, InvalidConfig
    where it is larger than `capacity_bytes`, and what create_volume raises.
    """
    if backing.capacity_bytes > capacity_bytes:
        raise InvalidConfig(detail=f"{capacity_bytes} < {backing.capacity_bytes}")
    spec = VolumeSpec(
        pool,
        name,
        "qcow2",
        capacity_bytes,
        backing_path=backing.path,
        backing_format=backing.format,
    )
    try:
        return _create(host, spec, timeout_s)
    except OperationFailed as error:
        cause = error.__cause__
        is_missing = isinstance(cause, libvirt.libvirtError) and cause.get_int1() == errno.ENOENT
        if is_missing or not _is_there(host, backing):
            raise VolumeNotFound(pool="", name=backing.path) from error
        raise


def _is_there(host: HostConnection, volume: VolumeInfo) -> bool:
    """Say whether a volume can be looked at."""
    try:
        get_volume(host, pool=volume.pool, name=volume.name)
    except (VolumeNotFound, PoolNotFound, OperationFailed):
        return False
    return True


def delete_volume(
    host: HostConnection, *, pool: str, name: str, timeout_s: float = CREATE_TIMEOUT_S
) -> None:
    """Delete the volume; fine if it is gone already. Raises PoolNotFound, PoolInactive."""
    try:
        host.call(
            Lane.STORAGE,
            lambda conn: in_pool(conn, pool, name).delete(0),
            timeout_s=timeout_s,
            context={"pool": pool, "name": name},
        )
    except VolumeNotFound:
        return


def _list_pools(conn: libvirt.virConnect) -> list[PoolInfo]:
    pools = []
    for pool in conn.listAllStoragePools(0):
        try:
            pools.append(_pool_info(pool))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_POOL:
                raise
    return sorted(pools, key=lambda pool: pool.name)


def _pool_info(pool: libvirt.virStoragePool) -> PoolInfo:
    state, capacity, allocation, available = pool.info()
    root = read(pool.XMLDesc(0))
    is_off = state == libvirt.VIR_STORAGE_POOL_INACTIVE
    return PoolInfo(
        uuid=pool.UUIDString(),
        name=pool.name(),
        kind=root.get("type") or "",
        state=_STATES.get(state, PoolState.INACCESSIBLE),
        has_autostart=bool(pool.autostart()),
        capacity_bytes=0 if is_off else capacity,
        allocation_bytes=0 if is_off else allocation,
        available_bytes=0 if is_off else available,
        path=text_of(root, "target/path") or attribute(root, "source/device", "path"),
    )


def _described(volume: libvirt.virStorageVol, pool: str) -> VolumeInfo | None:
    """Return what is known of a volume, None when it has gone or cannot be read."""
    try:
        return describe(volume, pool)
    except libvirt.libvirtError:
        return None


def _create(host: HostConnection, spec: VolumeSpec, timeout_s: float) -> VolumeInfo:
    return host.call(
        Lane.STORAGE,
        lambda conn: make(pool_of(conn, spec.pool), spec),
        timeout_s=timeout_s,
        context={"pool": spec.pool, "name": spec.name},
    )
