"""Disks of domains: growing them, pointing them at another volume, copying them under a guest."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import libvirt

from .connection import HostConnection, Lane
from .errors import OperationFailed, WrongState
from .lookup import find
from .types import Disk, VolumeInfo
from .volumes import describe, in_pool
from .xml.parse import parse_domain
from .xml.update import disk_xml, with_disk_source

RESIZE_TIMEOUT_S = 120.0
PIVOT_TIMEOUT_S = 60.0
POLL_S = 0.25


def resize_volume(
    host: HostConnection, *, pool: str, name: str, capacity_bytes: int, is_shrink: bool = False
) -> VolumeInfo:
    """Set the size of a volume that no running guest has. Shrinking cuts off what is behind.

    Raises VolumeNotFound, NoSpace, Unsupported, OperationFailed.
    """
    flags = libvirt.VIR_STORAGE_VOL_RESIZE_SHRINK if is_shrink else 0

    def run(conn: libvirt.virConnect) -> VolumeInfo:
        volume = in_pool(conn, pool, name)
        volume.resize(capacity_bytes, flags)
        return describe(volume, pool)

    context = {"pool": pool, "name": name, "what": "resize"}
    return host.call(Lane.STORAGE, run, timeout_s=RESIZE_TIMEOUT_S, context=context)


def grow_live(host: HostConnection, uuid: str, *, target: str, capacity_bytes: int) -> None:
    """Grow the disk of a running guest, which learns of it at once. Raises WrongState, NoSpace."""
    flag = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
    host.call(
        Lane.VERBS,
        lambda conn: find(conn, uuid).blockResize(target, capacity_bytes, flag),
        timeout_s=RESIZE_TIMEOUT_S,
        context={"uuid": uuid, "what": "resize"},
    )


def has_disk(host: HostConnection, uuid: str, volume: VolumeInfo) -> bool:
    """Say whether the domain has the volume as a disk, now or in its definition."""

    def run(conn: libvirt.virConnect) -> bool:
        domain = find(conn, uuid)
        flag = libvirt.VIR_DOMAIN_XML_INACTIVE
        xmls = [domain.XMLDesc(0)] + ([domain.XMLDesc(flag)] if domain.isPersistent() else [])
        return any(is_disk_of(volume, disk) for xml in xmls for disk in parse_domain(xml).disks)

    return host.call(Lane.WATCH, run, context={"uuid": uuid})


def is_disk_of(volume: VolumeInfo, disk: Disk) -> bool:
    """Say whether a disk is that volume, named by its path or by its pool."""
    if disk.source_pool:
        return (disk.source_pool, disk.source_volume) == (volume.pool, volume.name)
    return disk.source == volume.path


def repoint(host: HostConnection, uuid: str, *, old: VolumeInfo, new: VolumeInfo) -> None:
    """Let the definition use `new` where it used `old`; what it runs with stays.

    Fine where it does so already.
    """

    def run(conn: libvirt.virConnect) -> None:
        domain = find(conn, uuid)
        flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        before = domain.XMLDesc(flags)
        after = with_disk_source(before, old=old, path=new.path, format=new.format)
        if after != before:
            conn.defineXMLFlags(after, 0)

    host.call(Lane.VERBS, run, context={"uuid": uuid})


@dataclass(frozen=True, slots=True)
class BlockCopy:
    """How far a copy under a running guest is."""

    done_bytes: int
    total_bytes: int
    is_ready: bool


def copy_live(
    host: HostConnection,
    uuid: str,
    *,
    target: str,
    new: VolumeInfo,
    progress: Callable[[int, int], None],
    before_pivot: Callable[[], None],
) -> None:
    """Copy a running guest's disk into the volume `new`, then let the guest go on with that.

    The guest writes to both until then; whatever ends this earlier leaves it with the old one.
    `before_pivot` is called when all is copied. Raises OperationFailed, NoSpace, WrongState, and
    what `progress` raises.
    """
    flags = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
    context = {"uuid": uuid, "pool": new.pool, "name": new.name, "what": "block-copy"}
    host.call(
        Lane.VERBS,
        lambda conn: find(conn, uuid).blockCopy(target, disk_xml(new.path, new.format), {}, flags),
        timeout_s=RESIZE_TIMEOUT_S,
        context=context,
    )
    try:
        _wait_until_ready(host, uuid, target, progress)
        before_pivot()
        _end(host, uuid, target, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
    except BaseException:
        abort_copy(host, uuid, target=target)
        raise


def abort_copy(host: HostConnection, uuid: str, *, target: str) -> None:
    """Stop a copy under a running guest; fine where none is under way."""
    try:
        _end(host, uuid, target, 0)
    except (OperationFailed, WrongState):
        return


def copy_state(host: HostConnection, uuid: str, *, target: str) -> BlockCopy | None:
    """Return how far the copy is; None when there is none."""

    def run(conn: libvirt.virConnect) -> BlockCopy | None:
        domain = find(conn, uuid)
        if not domain.isActive():
            return None
        info = domain.blockJobInfo(target, 0)
        if not info:
            return None
        # QEMU reports equal numbers before it is in sync; the XML says when it really is.
        is_ready = _is_ready(domain.XMLDesc(0), target)
        return BlockCopy(int(info["cur"]), int(info["end"]), is_ready)

    return host.call(Lane.WATCH, run, context={"uuid": uuid})


def _is_ready(xml: str, target: str) -> bool:
    return any(disk.target == target and disk.is_mirror_ready for disk in parse_domain(xml).disks)


def _wait_until_ready(
    host: HostConnection, uuid: str, target: str, progress: Callable[[int, int], None]
) -> None:
    while True:
        state = copy_state(host, uuid, target=target)
        if state is None:
            raise OperationFailed(detail="block copy ended")
        if state.total_bytes:
            progress(min(state.done_bytes, state.total_bytes), state.total_bytes)
        if state.is_ready:
            return
        time.sleep(POLL_S)


def _end(host: HostConnection, uuid: str, target: str, flags: int) -> None:
    host.call(
        Lane.VERBS,
        lambda conn: find(conn, uuid).blockJobAbort(target, flags),
        timeout_s=PIVOT_TIMEOUT_S,
        context={"uuid": uuid, "what": "block-copy"},
    )
