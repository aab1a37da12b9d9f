"""From names to libvirt's pools and volumes, and to our words. Runs on a lane's thread."""

from __future__ import annotations

from dataclasses import replace

import libvirt

from .errors import NoSpace, PoolInactive, VolumeExists
from .storage_types import CARVED_KINDS, VolumeSpec
from .types import VolumeInfo
from .xml.build import volume_xml
from .xml.tree import attribute, read, size_bytes, text_of


def pool_of(conn: libvirt.virConnect, name: str) -> libvirt.virStoragePool:
    """Return the pool. Raises PoolInactive, libvirtError."""
    pool = conn.storagePoolLookupByName(name)
    if not pool.isActive():
        raise PoolInactive(name=name)
    return pool


def is_carved(pool: libvirt.virStoragePool) -> bool:
    """Say whether volumes of the pool are pieces cut from a device."""
    return read(pool.XMLDesc(0)).get("type") in CARVED_KINDS


def make(
    pool: libvirt.virStoragePool,
    spec: VolumeSpec,
    source: libvirt.virStorageVol | None = None,
) -> VolumeInfo:
    """Make a volume in the pool, from all that `source` holds where given.

    A piece cut from a device is taken whole, for what libvirt makes of a sparse one there holds a
    few MiB and dies when they are full. Raises VolumeExists, NoSpace, libvirtError.
    """
    if spec.name in pool.listVolumes():  # drivers differ in how they say so
        raise VolumeExists(pool=spec.pool, name=spec.name)
    is_piece = is_carved(pool)
    is_whole = spec.is_preallocated or is_piece
    xml = volume_xml(
        name=spec.name,
        format=spec.format,
        capacity_bytes=spec.capacity_bytes,
        allocation_bytes=spec.capacity_bytes if is_whole else 0,
        backing_path=spec.backing_path,
        backing_format=spec.backing_format,
    )
    if is_whole:
        require_space(pool, spec.capacity_bytes)
    if source is not None:
        made = pool.createXMLFrom(xml, source, 0)
    else:
        is_header = spec.is_preallocated and spec.format == "qcow2"
        flags = libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA if is_header else 0
        made = pool.createXML(xml, flags)
    return replace(describe(made, spec.pool), is_piece=is_piece)


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
    """Return what libvirt knows of the volume. ISO images count as format "iso", devices as raw."""
    root = read(volume.XMLDesc(0))
    name = volume.name()
    format = attribute(root, "target/format", "type")
    if not format and root.get("type") == "block":
        format = "raw"
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
