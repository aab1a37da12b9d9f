"""From names to libvirt's pools and volumes, and to our words. Runs on a lane's thread."""

from __future__ import annotations

import libvirt

from .errors import PoolInactive
from .types import VolumeInfo
from .xml.tree import attribute, read, size_bytes, text_of


def pool_of(conn: libvirt.virConnect, name: str) -> libvirt.virStoragePool:
    """Return the pool. Raises PoolInactive, libvirtError."""
    pool = conn.storagePoolLookupByName(name)
    if not pool.isActive():
        raise PoolInactive(name=name)
    return pool


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
