"""Who needs a volume: as last seen, for pages; as the host says now, before anything is lost."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from vms import storagewords
from vms.hypervisor import usage
from vms.hypervisor.storage_types import DiskUse
from vms.models import VM, Host, Pool, Template, Volume
from vms.problems import Refused
from vms.services import hosts


class UseKind(StrEnum):
    """How something needs a volume."""

    DISK = "disk"
    BELOW = "below"
    """The disk of a guest is based on it."""
    CD = "cd"
    TEMPLATE = "template"
    OVERLAY = "overlay"


@dataclass(frozen=True, slots=True)
class Use:
    """Something that needs a volume. `id` is that of our row, "" where there is none."""

    kind: UseKind
    name: str
    id: str = ""
    is_active: bool = False

    @property
    def words(self) -> str:
        """The use as a sentence without a stop."""
        return storagewords.use_of_volume(self.kind.value, self.name)


_Guest = tuple[uuid.UUID, str, list[str], str]


def by_volume(host: Host, volumes: Iterable[Volume]) -> dict[uuid.UUID, tuple[Use, ...]]:
    """Return the uses of each volume as last seen: three queries, however many volumes."""
    seen = _Seen(host)
    return {volume.pk: tuple(seen.uses(volume)) for volume in volumes}


class _Seen:
    """What a host was last seen to need, by path."""

    def __init__(self, host: Host) -> None:
        self._guests: defaultdict[str, list[VM]] = defaultdict(list)
        rows = VM.objects.filter(host=host).only("pk", "name", "disk_paths", "state")
        for guest in rows:
            for path in guest.disk_paths:
                self._guests[path].append(guest)
        self._above: defaultdict[str, list[Volume]] = defaultdict(list)
        overlays = Volume.objects.select_related("pool").filter(pool__host=host)
        for overlay in overlays.exclude(backing_path=""):
            self._above[overlay.backing_path].append(overlay)
        self._templates: defaultdict[tuple[str, str], list[Template]] = defaultdict(list)
        for template in Template.objects.filter(host=host):
            for where in template.sources:
                self._templates[where].append(template)

    def uses(self, volume: Volume) -> list[Use]:
        kind = UseKind.CD if volume.is_iso else UseKind.DISK
        found = [_guest_use(kind, guest) for guest in self._guests[volume.path]]
        found += [
            Use(UseKind.TEMPLATE, template.name, str(template.pk))
            for template in self._templates[(volume.pool.name, volume.name)]
        ]
        for overlay in self._overlays(volume.path):
            guests = self._guests[overlay.path]
            found += [_guest_use(UseKind.BELOW, guest) for guest in guests]
            if not guests:
                found.append(Use(UseKind.OVERLAY, overlay.name, str(overlay.pool_id)))
        return found

    def _overlays(self, path: str) -> list[Volume]:
        found: list[Volume] = []
        layer, seen = [path], {path}
        while layer:
            above = [one for below in layer for one in self._above[below] if one.path not in seen]
            found += above
            layer = [one.path for one in above]
            seen.update(layer)
        return found


def _guest_use(kind: UseKind, guest: VM) -> Use:
    return Use(kind, guest.name, str(guest.pk), guest.is_active)


@dataclass(frozen=True, slots=True)
class Standing:
    """What needs a volume now, as the host says."""

    name: str
    disks: tuple[DiskUse, ...]
    uses: tuple[Use, ...]

    @property
    def own_disks(self) -> tuple[DiskUse, ...]:
        """The domains that have the volume itself as a disk or CD."""
        return tuple(disk for disk in self.disks if disk.depth == 0)

    @property
    def writers(self) -> tuple[DiskUse, ...]:
        """The running domains that may write to it at any moment."""
        return tuple(disk for disk in self.own_disks if disk.is_active and not disk.is_readonly)

    @property
    def dependents(self) -> tuple[Use, ...]:
        """Whatever is lost when its content changes: templates and what is based on it."""
        below = {UseKind.TEMPLATE, UseKind.OVERLAY, UseKind.BELOW}
        return tuple(use for use in self.uses if use.kind in below)

    def require_none(self) -> None:
        """Refuse with the names while anything needs it."""
        require_none(self.name, self.uses)

    def require_independent(self) -> None:
        """Refuse while a template or another volume is made from it."""
        require_none(self.name, self.dependents)


def require_none(name: str, uses: Iterable[Use]) -> None:
    """Refuse with what needs the volume of that name, if anything does."""
    words = [use.words for use in uses]
    if words:
        raise Refused("volume-needed", name=name, by="; ".join(words[:5]))


def now(volume: Volume) -> Standing:
    """Ask the host who needs the volume; what cannot be asked, stopped pools, is as last seen."""
    everything = usage.look(hosts.connection(volume.pool.host))
    return standing(volume, everything)


def standing(volume: Volume, everything: usage.Everything) -> Standing:
    """Word who needs a volume among all that was just seen on its host."""
    host = volume.pool.host
    users = everything.users_of(volume.path)
    ids = {
        str(domain): str(pk)
        for domain, pk in VM.objects.filter(host=host).values_list("domain_uuid", "pk")
    }
    uses = [_disk_use(disk, ids.get(disk.domain_uuid, "")) for disk in users.disks]
    uses += [Use(UseKind.OVERLAY, overlay.name) for overlay in users.overlays]
    uses += [Use(UseKind.OVERLAY, overlay.name) for overlay in _in_stopped_pools(volume)]
    uses += [
        Use(UseKind.TEMPLATE, template.name, str(template.pk))
        for template in Template.objects.filter(host=host)
        if (volume.pool.name, volume.name) in template.sources
    ]
    return Standing(volume.name, users.disks, tuple(uses))


def _disk_use(disk: DiskUse, vm_id: str) -> Use:
    kind = UseKind.BELOW if disk.depth else UseKind.DISK
    if disk.device == "cdrom" and not disk.depth:
        kind = UseKind.CD
    return Use(kind, disk.domain_name, vm_id, disk.is_active)


def _in_stopped_pools(volume: Volume) -> list[Volume]:
    stopped = Pool.objects.filter(host=volume.pool.host).exclude(state="active")
    return list(Volume.objects.filter(pool__in=stopped, backing_path=volume.path))
