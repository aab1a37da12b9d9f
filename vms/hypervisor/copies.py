"""Calls that take as long as a volume is large: making it full, cloning it.

libvirt can stop none of its own copies. Whoever gives up goes on at once; what was half made can be
deleted as soon as libvirt lets go of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import libvirt

from . import wiping
from .connection import HostConnection, Lane
from .errors import HypervisorError, NoSpace
from .storage import find_by_path, get_volume
from .storage_types import VolumeSpec
from .types import VolumeInfo
from .volumes import filled_up, in_pool, is_carved, make, pool_of, require_space
from .wiping import Progress

LONGEST_S = 24 * 3600.0
POLL_S = 0.25
DEEPEST = 50


def create(host: HostConnection, spec: VolumeSpec, progress: Progress) -> VolumeInfo:
    """Make an empty volume, all its space taken if it is to be preallocated.

    A piece cut from a device is overwritten: what somebody else left there is nobody's business.
    Raises PoolInactive, VolumeExists, NoSpace, InvalidConfig, and whatever `progress` raises.
    """
    made = _run_long(
        host,
        lambda conn: make(pool_of(conn, spec.pool), spec),
        spec,
        spec.capacity_bytes if spec.is_preallocated else 0,
        progress,
    )
    wiping.blank(host, made, 0, progress)
    return made


def clone(
    host: HostConnection, *, pool: str, name: str, spec: VolumeSpec, progress: Progress
) -> VolumeInfo:
    """Make a volume with all that the volume `name` of `pool` holds, and its backing files below.

    The new one stands alone, and is empty behind that; the source is only read. Raises as `create`
    does, and VolumeNotFound.
    """
    source = get_volume(host, pool=pool, name=name)
    total = _chain_bytes(host, source)

    def run(conn: libvirt.virConnect) -> VolumeInfo:
        target = pool_of(conn, spec.pool)
        require_space(target, total)
        return make(target, spec, in_pool(conn, pool, name))

    made = _run_long(host, run, spec, total, progress)
    wiping.blank(host, made, source.capacity_bytes, progress)
    return made


def _chain_bytes(host: HostConnection, volume: VolumeInfo) -> int:
    """Return what a copy of the volume takes at most: all that it and the files below it hold."""
    total, seen = 0, 0
    below: VolumeInfo | None = volume
    while below is not None and seen < DEEPEST:
        total, seen = total + below.allocation_bytes, seen + 1
        below = find_by_path(host, below.backing_path) if below.backing_path else None
    return min(total, max(volume.capacity_bytes, volume.allocation_bytes))


class _Call(threading.Thread):
    """A call on the lane of copies that its caller need not wait for."""

    def __init__(
        self,
        host: HostConnection,
        run: Callable[[libvirt.virConnect], VolumeInfo],
        spec: VolumeSpec,
    ) -> None:
        super().__init__(name="libvirt-copy", daemon=True)
        self._host, self._run, self._spec = host, run, spec
        self.made: VolumeInfo | None = None
        self.error: HypervisorError | None = None

    def run(self) -> None:
        context = {"pool": self._spec.pool, "name": self._spec.name}
        try:
            self.made = self._host.call(
                Lane.COPIES, self._run, timeout_s=LONGEST_S, context=context
            )
        except HypervisorError as error:
            self.error = error


def _run_long(
    host: HostConnection,
    run: Callable[[libvirt.virConnect], VolumeInfo],
    spec: VolumeSpec,
    total_bytes: int,
    progress: Progress,
) -> VolumeInfo:
    call = _Call(host, run, spec)
    call.start()
    while call.is_alive():
        call.join(POLL_S)
        if total_bytes:
            progress(min(_written(host, spec), total_bytes), total_bytes)
    if isinstance(call.error, NoSpace):
        raise _filled_up(host, spec, call.error) from call.error
    if call.made is None:
        raise call.error or HypervisorError()
    if total_bytes:
        progress(total_bytes, total_bytes)
    return call.made


def _filled_up(host: HostConnection, spec: VolumeSpec, error: NoSpace) -> NoSpace:
    """Say what was missing at most: what is packed may take all that it says to be."""

    def run(conn: libvirt.virConnect) -> NoSpace:
        return filled_up(pool_of(conn, spec.pool), error, spec.capacity_bytes)

    try:
        return host.call(Lane.COPIES, run, context={"pool": spec.pool})
    except HypervisorError:
        return error


def _written(host: HostConnection, spec: VolumeSpec) -> int:
    """Return how much of the new volume is there; 0 while there is none or nobody says.

    A piece of a device has all its space from the start, which says nothing.
    """

    def run(conn: libvirt.virConnect) -> int:
        pool = conn.storagePoolLookupByName(spec.pool)
        volume = pool.storageVolLookupByName(spec.name)
        return 0 if is_carved(pool) else int(volume.info()[2])

    try:
        return host.call(Lane.STORAGE, run)
    except HypervisorError:
        return 0
