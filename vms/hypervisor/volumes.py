"""From names to libvirt's pools and volumes, and to our words. Runs on a lane's thread."""

from __future__ import annotations

import libvirt

from .errors import NoSpace, PoolInactive
from .types import VolumeInfo
from .xml.tree import attribute, read, size_bytes, text_of


def pool_of(conn: libvirt.virConnect, name: str) -> libvirt.virStoragePool:
    """Return the pool. Raises PoolInactive, libvirtError."""
    pool = conn.storagePoolLookupByName(name)
    if not pool.isActive():
        raise PoolInactive(name=name)
    return pool


def require_space(pool: libvirt.virStoragePool, needed_bytes: int) -> None:
    """Raise NoSpace where the pool has less left than that, as libvirt saw it last."""
    available = pool.info()[3]
    if needed_bytes > available:
        detail = f"{needed_bytes} > {available}"
        raise NoSpace(name=pool.name(), detail=detail, missing_bytes=needed_bytes - available)


def filled_up(pool: libvirt.virStoragePool, error: NoSpace, needed_bytes: int) -> NoSpace:
    """Return the error of a pool that filled up in the middle, with what was missing.

    Call it when what was half made is gone; `needed_bytes` is the most that it would have taken.
    """
    if "missing_bytes" in error.params:
        return error
    pool.refresh(0)
    missing = max(1, needed_bytes - pool.info()[3])
    return NoSpace(**{**error.params, "name": pool.name(), "missing_bytes": missing})


def in_pool(conn: libvirt.virConnect, pool: str, name: str) -> libvirt.virStorageVol:
    """Return the volume. Raises PoolInactive, libvirtError."""
    return pool_of(conn, pool).storageVolLookupByName(name)


def describe(volume: libvirt.virStorageVol, pool: str) -> VolumeInfo:
    """Return what libvirt knows of the volume. ISO images count as format "iso"."""
    root = read(volume.XMLDesc(0))
    name = volume.name()
    format = attribute(root, "target/format", "type")
    if format in ("raw", "") and name.lower().endswith(".iso"):
        format = "iso"
    return VolumeInfo(
        pool=pool,
        name=name,
        path=volume.path(),
        format=format,
        capacity_bytes=size_bytes(root.find("capacity")),
        allocation_bytes=size_bytes(root.find("allocation")),
        backing_path=text_of(root, "backingStore/path"),
    )
