"""The part of sync.py for pools, volumes and networks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from vms.hypervisor.types import NetworkInfo, PoolInfo, VolumeInfo
from vms.live import publish
from vms.models import VM, Host, ImageOrigin, Network, Pool, Template, Volume

M = TypeVar("M", bound=Model)
Key = Hashable
Values = dict[str, Any]  # Any: column values of any type

MAX_BYTES = 2**63 - 1
BATCH = 200
FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class StorageBefore:
    """The rows of pools and volumes when a listing began, by what tells them apart on the host.

    A listing takes a while. What was made meanwhile is not in it and stays; what was deleted
    meanwhile still is in it and does not come back.
    """

    pools: Mapping[Key, Key]
    volumes: Mapping[Key, Key]


def before_listing(host: Host) -> StorageBefore:
    """Note which rows there are: to be called before pools and volumes are listed."""
    pools = Pool.objects.filter(host=host).values_list("pool_uuid", "pk")
    volumes = Volume.objects.filter(pool__host=host).values_list("pool_id", "name", "pk")
    return StorageBefore(
        {str(key): pk for key, pk in pools},
        {(pool, name): pk for pool, name, pk in volumes.order_by()},
    )


def observe_pools(
    host: Host,
    pools: Iterable[PoolInfo],
    volumes: Mapping[str, Sequence[VolumeInfo]],
    *,
    before: StorageBefore | None = None,
    only: str = "",
) -> None:
    """Make the rows equal to a listing of all pools, and of the volumes of those in `volumes`.

    With `only` it is a listing of the pool of that name, and says nothing of others.

    A pool that is not in `volumes` (inactive, or not listed this time) keeps the volumes last seen.
    `before` is what was there when the listing began; without it nothing was changed meanwhile.
    """
    with transaction.atomic():
        rows = Pool.objects.filter(host=host, **({"name": only} if only else {}))
        old_pools = {str(row.pool_uuid): row for row in rows}
        wanted = {info.uuid: _pool_values(host, info) for info in pools}
        has_changed = _upsert(Pool, old_pools, wanted, before.pools if before else None)
        names = {row.name: row for row in Pool.objects.filter(host=host, name__in=volumes)}
        old_volumes = {
            (row.pool_id, row.name): row for row in Volume.objects.filter(pool__in=names.values())
        }
        seen = {
            (names[pool].pk, info.name[:255]): _volume_values(names[pool], info)
            for pool, infos in volumes.items()
            if pool in names
            for info in infos
        }
        if _upsert(Volume, old_volumes, seen, before.volumes if before else None):
            has_changed = True
            _relink_templates(host)
            measure_disks(
                host, list(VM.objects.only("pk", "disk_paths", *MEASURED).filter(host=host))
            )
        _forget_origins(host, volumes)
        if has_changed:
            transaction.on_commit(_tell)


def _forget_origins(host: Host, volumes: Mapping[str, Sequence[VolumeInfo]]) -> None:
    """Forget where images came from whose files are gone: another may get that name one day.

    One that has just come stays, for this listing may be older.
    """
    there = {(pool, info.name) for pool, infos in volumes.items() for info in infos}
    rows = ImageOrigin.objects.filter(host=host, pool_name__in=volumes)
    old = rows.filter(added_at__lt=timezone.now() - FRESH)
    known = old.values_list("pk", "pool_name", "volume_name")
    gone = [pk for pk, pool, name in known if (pool, name) not in there]
    if gone:
        ImageOrigin.objects.filter(pk__in=gone).delete()


def observe_volume(host: Host, info: VolumeInfo) -> None:
    """Write one volume that was just made, so that it is known before the next listing."""
    pool = Pool.objects.filter(host=host, name=info.pool).first()
    if pool is not None:
        values = _volume_values(pool, info)
        Volume.objects.update_or_create(pool=pool, name=values["name"], defaults=values)


MEASURED = ("disk_bytes", "is_creating")


def measure_disks(host: Host, rows: Sequence[VM]) -> None:
    """Write the virtual size of guests' disks, from the volumes last seen: a query, and one more
    for guests that differ. A guest with a volume not seen yet keeps the size that it had, at least.
    """
    paths = {path for row in rows for path in row.disk_paths}
    if not paths:
        return
    known = {
        volume.path: 0 if volume.is_iso or volume.is_seed else volume.capacity_bytes
        for volume in Volume.objects.filter(pool__host=host, path__in=paths)
    }
    changed = []
    for row in rows:
        size_bytes = sum(known.get(path, 0) for path in row.disk_paths)
        if row.is_creating or any(path not in known for path in row.disk_paths):
            size_bytes = max(size_bytes, row.disk_bytes)
        if size_bytes != row.disk_bytes:
            row.disk_bytes = min(size_bytes, MAX_BYTES)
            changed.append(row)
    VM.objects.bulk_update(changed, ["disk_bytes"], batch_size=BATCH)


def _tell() -> None:
    for what in ("pools", "templates", "images"):
        publish.things_changed(what)


def observe_networks(host: Host, networks: Iterable[NetworkInfo]) -> None:
    """Make the rows equal to a full listing of networks."""
    with transaction.atomic():
        old = {str(row.network_uuid): row for row in Network.objects.filter(host=host)}
        wanted = {info.uuid: _network_values(host, info) for info in networks}
        if _upsert(Network, old, wanted):
            transaction.on_commit(lambda: publish.things_changed("templates"))
            transaction.on_commit(lambda: publish.host_changed(str(host.pk)))


def _pool_values(host: Host, info: PoolInfo) -> Values:
    return {
        "host_id": host.pk,
        "pool_uuid": info.uuid,
        "name": info.name[:255],
        "kind": info.kind[:30],
        "state": info.state.value,
        "has_autostart": info.has_autostart,
        "capacity_bytes": min(info.capacity_bytes, MAX_BYTES),
        "allocation_bytes": min(info.allocation_bytes, MAX_BYTES),
        "available_bytes": min(info.available_bytes, MAX_BYTES),
        "path": info.path[:1000],
    }


def _volume_values(pool: Pool, info: VolumeInfo) -> Values:
    return {
        "pool_id": pool.pk,
        "name": info.name[:255],
        "path": info.path[:1000],
        "format": info.format[:20],
        "capacity_bytes": min(info.capacity_bytes, MAX_BYTES),
        "allocation_bytes": min(info.allocation_bytes, MAX_BYTES),
        "backing_path": info.backing_path[:1000],
    }


def _network_values(host: Host, info: NetworkInfo) -> Values:
    return {
        "host_id": host.pk,
        "network_uuid": info.uuid,
        "name": info.name[:255],
        "is_active": info.is_active,
        "bridge": info.bridge[:50],
        "forward": info.forward[:20],
    }


def _upsert(
    model: type[M],
    old: Mapping[Any, M],
    wanted: Mapping[Any, Values],
    before: Mapping[Key, Key] | None = None,
) -> bool:
    """Make, change and delete rows until they equal `wanted`; False when they did already.

    `before` are the rows of when the listing began: only they may go, and they do not come again.
    """
    manager = model._default_manager
    fresh = [key for key in wanted if key not in old and not (before and key in before)]
    made = [model(**wanted[key]) for key in fresh]
    changed = [row for key, row in old.items() if key in wanted and _differs(row, wanted[key])]
    gone = [
        row.pk
        for key, row in old.items()
        if key not in wanted and (before is None or before.get(key) == row.pk)
    ]
    manager.bulk_create(made, batch_size=BATCH)
    if changed:
        fields = [model._meta.get_field(name).name for name in next(iter(wanted.values()))]
        manager.bulk_update(changed, fields, batch_size=BATCH)
    if gone:
        manager.filter(pk__in=gone).delete()
    return bool(made or changed or gone)


def _differs(row: Model, values: Values) -> bool:
    """Set the values on the row; say whether one of them was another before."""
    differing = [name for name, value in values.items() if str(getattr(row, name)) != str(value)]
    for name in differing:
        setattr(row, name, values[name])
    return bool(differing)


def _relink_templates(host: Host) -> None:
    """Give templates back the image that vanished and came again, e.g. with its pool."""
    lost = list(Template.objects.filter(host=host, image=None))
    if not lost:
        return
    rows = Volume.objects.filter(pool__host=host).select_related("pool")
    images = {(row.pool.name, row.name): row for row in rows}
    for template in lost:
        image = images.get((template.pool_name, template.volume_name))
        if image is not None:
            template.image = image
            template.save(update_fields=["image"])
