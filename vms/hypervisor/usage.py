"""Who needs a file: asked of the host itself, chains of backing files included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import libvirt

from .connection import HostConnection, Lane
from .errors import HypervisorError
from .storage import list_pools, list_volumes
from .storage_types import DiskUse, Users
from .types import Disk, PoolState, VolumeInfo
from .xml.parse import parse_domain

LIST_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Everything:
    """All disks of all domains, as they are and as defined, and all volumes that can be seen."""

    disks: tuple[tuple[DiskUse, Disk], ...]
    volumes: tuple[VolumeInfo, ...]

    def users_of(self, path: str) -> Users:
        """Return what needs the file at `path`."""
        return users_among(path, self.disks, self.volumes)


def look(host: HostConnection) -> Everything:
    """Ask every domain and every active pool: for verbs, not for pages."""
    disks = host.call(Lane.WATCH, _disks, timeout_s=LIST_TIMEOUT_S)
    return Everything(tuple(disks), tuple(_volumes(host)))


def users_among(
    path: str, disks: Iterable[tuple[DiskUse, Disk]], volumes: Sequence[VolumeInfo]
) -> Users:
    """Return who among these needs the file at `path`."""
    overlays = tuple(overlays_of(path, volumes))
    depths = {path: 0} | {volume.path: depth for depth, volume in overlays}
    places = {(volume.pool, volume.name): volume.path for volume in volumes}
    found: dict[tuple[str, str], DiskUse] = {}
    for use, disk in disks:
        own = disk.source or places.get((disk.source_pool, disk.source_volume), "")
        chain = (own, *disk.backing)
        near = [depths[each] + at for at, each in enumerate(chain) if each in depths]
        if near:
            found.setdefault((use.domain_uuid, use.target), replace(use, depth=min(near)))
    return Users(tuple(found.values()), tuple(volume for _depth, volume in overlays))


def overlays_of(path: str, volumes: Iterable[VolumeInfo]) -> Iterator[tuple[int, VolumeInfo]]:
    """Yield the volumes that are based on `path`, directly (1) or through others (2 ...)."""
    based: defaultdict[str, list[VolumeInfo]] = defaultdict(list)
    for volume in volumes:
        if volume.backing_path:
            based[volume.backing_path].append(volume)
    seen, layer, depth = {path}, [path], 1
    while layer:
        above = [volume for below in layer for volume in based[below] if volume.path not in seen]
        yield from ((depth, volume) for volume in above)
        layer = [volume.path for volume in above]
        seen.update(layer)
        depth += 1


def _disks(conn: libvirt.virConnect) -> list[tuple[DiskUse, Disk]]:
    found = []
    for domain in conn.listAllDomains(0):
        try:
            is_active = bool(domain.isActive())
            xmls = [domain.XMLDesc(0)]
            if is_active and domain.isPersistent():
                xmls.append(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
            name, uuid = domain.name(), domain.UUIDString()
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                continue  # it went in between
            raise  # whoever cannot be asked may need it
        for disk in (disk for xml in xmls for disk in parse_domain(xml).disks):
            use = DiskUse(uuid, name, disk.target, disk.device, is_active, disk.is_readonly)
            found.append((use, disk))
    return found


def _volumes(host: HostConnection) -> list[VolumeInfo]:
    volumes: list[VolumeInfo] = []
    for pool in list_pools(host):
        if pool.state is not PoolState.ACTIVE:
            continue
        try:
            volumes += list_volumes(host, pool.name, refresh=True)
        except HypervisorError as error:
            if error.retryable:
                raise
    return volumes
