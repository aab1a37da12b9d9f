"""Storage as values that cross the boundary of `hypervisor/`: what is to be made, who needs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .types import VolumeInfo


class PoolKind(StrEnum):
    """Kinds of pools that have a form of their own; every other comes as XML."""

    DIR = "dir"
    FS = "fs"
    NETFS = "netfs"
    LOGICAL = "logical"


BLOCK_KINDS = frozenset({"logical", "disk", "iscsi", "iscsi-direct", "scsi", "mpath", "zfs", "rbd"})
"""Kinds of pools whose volumes are devices: they hold raw disks and nothing else."""
CARVED_KINDS = frozenset({"logical", "disk"})
"""Kinds whose volumes are pieces of a device: taken whole, and full of what was there before."""
RESIZABLE_KINDS = frozenset({"dir", "fs", "netfs", "vstorage", "rbd"})
"""Kinds whose volumes libvirt can resize."""


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pool to be made; each kind takes only some of the fields.

    dir: `path`. fs: `device` and the mount point `path`. netfs: `server`, `export` and the mount
    point `path`. logical: the volume group `group`, and `device` where it shall be made anew.
    """

    name: str
    kind: PoolKind
    path: str = ""
    device: str = ""
    server: str = ""
    export: str = ""
    group: str = ""
    is_formatted: bool = False
    """Make the file system or the volume group on `device`, unless there is anything on it."""


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """A volume to be made. A preallocated one takes all its space at once.

    With a backing file it starts as what stands there, and holds what was changed since.
    """

    pool: str
    name: str
    format: str
    capacity_bytes: int
    is_preallocated: bool = False
    backing_path: str = ""
    backing_format: str = ""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """A domain that needs a file: as a disk of its own, or below one (`depth` over 0)."""

    domain_uuid: str
    domain_name: str
    target: str
    device: str
    is_active: bool
    is_readonly: bool
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Users:
    """All on a host that needs a file. `overlays` are volumes based on it, near ones first."""

    disks: tuple[DiskUse, ...] = ()
    overlays: tuple[VolumeInfo, ...] = ()
