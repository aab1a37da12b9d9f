"""Storage: pools and their volumes. For administrators; what takes long answers with its job."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from vms import selectors
from vms.api import represent
from vms.api.auth import actor_of
from vms.api.inputs import (
    Paging,
    PoolAutostart,
    PoolCreate,
    PoolDelete,
    PoolFromXml,
    VolumeClone,
    VolumeCreate,
    VolumeFilter,
    VolumeMove,
    VolumeResize,
)
from vms.api.paging import each, page
from vms.api.schemas import JobInfo, PoolInfo, PoolPage
from vms.api.storage_schemas import VolumeInfo, VolumePage
from vms.hypervisor.storage_types import PoolSpec
from vms.models import Pool, Volume
from vms.policy import Actor
from vms.services import pools as pool_services
from vms.services import uses
from vms.services import volumes as volume_services
from vms.services.volumes import NewVolume

pools = Router(tags=["pools"])
volumes = Router(tags=["volumes"])


@pools.get("", response=PoolPage, operation_id="list_pools", summary="List storage pools")
def list_pools(request: HttpRequest, paging: Query[Paging]) -> PoolPage:
    """List the storage pools you may look into. For administrators; others get an empty list."""
    rows = selectors.measured_pools(actor_of(request))
    return page(PoolPage, rows, paging, each(represent.pool))


@pools.post("", response={201: PoolInfo}, operation_id="create_pool", summary="Make a pool")
def create_pool(request: HttpRequest, data: PoolCreate) -> Status[PoolInfo]:
    """Define, build and start a pool of kind dir, fs, netfs or logical."""
    actor = actor_of(request)
    spec = PoolSpec(**data.model_dump(exclude={"host_id"}))
    made = pool_services.create(actor=actor, host_id=data.host_id, spec=spec)
    return Status(201, _pool(actor, made.pk))


@pools.post(
    "/xml", response={201: PoolInfo}, operation_id="create_pool_from_xml", summary="Any other pool"
)
def create_pool_from_xml(request: HttpRequest, data: PoolFromXml) -> Status[PoolInfo]:
    """Define a pool of any kind from its XML, which libvirt validates; started where that works."""
    actor = actor_of(request)
    made = pool_services.create_from_xml(actor=actor, host_id=data.host_id, xml=data.xml)
    return Status(201, _pool(actor, made.pk))


@pools.get("/{pool_id}", response=PoolInfo, operation_id="get_pool", summary="Look at a pool")
def get_pool(request: HttpRequest, pool_id: UUID) -> PoolInfo:
    """Show a storage pool, how full it is, and what is promised of it."""
    return _pool(actor_of(request), pool_id)


@pools.post(
    "/{pool_id}/start", response=PoolInfo, operation_id="start_pool", summary="Start a pool"
)
def start_pool(request: HttpRequest, pool_id: UUID) -> PoolInfo:
    """Start a pool; fine if it runs."""
    actor = actor_of(request)
    return _pool(actor, pool_services.start(actor=actor, pool_id=pool_id).pk)


@pools.post("/{pool_id}/stop", response=PoolInfo, operation_id="stop_pool", summary="Stop a pool")
def stop_pool(request: HttpRequest, pool_id: UUID) -> PoolInfo:
    """Stop a pool; its data stays."""
    actor = actor_of(request)
    return _pool(actor, pool_services.stop(actor=actor, pool_id=pool_id).pk)


@pools.post(
    "/{pool_id}/refresh", response=PoolInfo, operation_id="refresh_pool", summary="Look anew"
)
def refresh_pool(request: HttpRequest, pool_id: UUID) -> PoolInfo:
    """Let the host look for files that were put into a pool by hand."""
    actor = actor_of(request)
    return _pool(actor, pool_services.refresh(actor=actor, pool_id=pool_id).pk)


@pools.put(
    "/{pool_id}/autostart",
    response=PoolInfo,
    operation_id="set_pool_autostart",
    summary="Start with the host",
)
def set_pool_autostart(request: HttpRequest, pool_id: UUID, data: PoolAutostart) -> PoolInfo:
    """Say whether a pool starts with its host."""
    actor = actor_of(request)
    changed = pool_services.set_autostart(actor=actor, pool_id=pool_id, is_on=data.has_autostart)
    return _pool(actor, changed.pk)


@pools.delete(
    "/{pool_id}",
    response={202: JobInfo, 204: None},
    operation_id="delete_pool",
    summary="Delete a pool",
)
def delete_pool(
    request: HttpRequest, pool_id: UUID, choice: Query[PoolDelete]
) -> Status[JobInfo] | Status[None]:
    """Let the host forget a pool, its files stay; or with `data=delete` delete them all (202)."""
    actor = actor_of(request)
    if choice.data == "delete":
        job = pool_services.delete_with_data(actor=actor, pool_id=pool_id)
        return Status(202, represent.job(job))
    pool_services.forget(actor=actor, pool_id=pool_id)
    return Status(204, None)


def _pool(actor: Actor, pool_id: UUID) -> PoolInfo:
    selectors.pool(actor, pool_id)
    return represent.pool(selectors.measured_pools(actor).get(pk=pool_id))


@pools.get(
    "/{pool_id}/volumes", response=VolumePage, operation_id="list_volumes", summary="List volumes"
)
def list_volumes(request: HttpRequest, pool_id: UUID, wanted: Query[VolumeFilter]) -> VolumePage:
    """List the volumes of a pool as last seen, each with what needs it."""
    actor = actor_of(request)
    pool = selectors.pool(actor, pool_id)
    rows = selectors.volumes(actor).filter(pool=pool, name__icontains=wanted.q)
    return page(VolumePage, rows, wanted, lambda chosen: _volumes(pool, chosen))


def _volumes(pool: Pool, rows: list[Volume]) -> list[VolumeInfo]:
    needed = uses.by_volume(pool.host, rows)
    return [represent.volume(row, needed[row.pk]) for row in rows]


@pools.post(
    "/{pool_id}/volumes",
    response={202: JobInfo},
    operation_id="create_volume",
    summary="Make a volume",
)
def create_volume(request: HttpRequest, pool_id: UUID, data: VolumeCreate) -> Status[JobInfo]:
    """Make an empty volume."""
    new = NewVolume(**data.model_dump())
    job = volume_services.create(actor=actor_of(request), pool_id=pool_id, new=new)
    return Status(202, represent.job(job))


@volumes.get(
    "/{volume_id}", response=VolumeInfo, operation_id="get_volume", summary="Look at a volume"
)
def get_volume(request: HttpRequest, volume_id: UUID) -> VolumeInfo:
    """Show a volume and what needs it."""
    row = selectors.volume(actor_of(request), volume_id)
    return _volumes(row.pool, [row])[0]


@volumes.post(
    "/{volume_id}/clone",
    response={202: JobInfo},
    operation_id="clone_volume",
    summary="Clone a volume",
)
def clone_volume(request: HttpRequest, volume_id: UUID, data: VolumeClone) -> Status[JobInfo]:
    """Make a full copy that stands alone. Refused while a running guest writes to it."""
    job = volume_services.clone(
        actor=actor_of(request),
        volume_id=volume_id,
        name=data.name,
        pool_id=data.pool_id,
        format=data.format or "",
    )
    return Status(202, represent.job(job))


@volumes.post(
    "/{volume_id}/resize",
    response=VolumeInfo,
    operation_id="resize_volume",
    summary="Resize a volume",
)
def resize_volume(request: HttpRequest, volume_id: UUID, data: VolumeResize) -> VolumeInfo:
    """Grow it, under its guest if that runs; or shrink it, only while the guest is off."""
    row = volume_services.resize(actor=actor_of(request), volume_id=volume_id, **data.model_dump())
    return _volumes(row.pool, [row])[0]


@volumes.post(
    "/{volume_id}/move",
    response={202: JobInfo},
    operation_id="move_volume",
    summary="Move a volume",
)
def move_volume(request: HttpRequest, volume_id: UUID, data: VolumeMove) -> Status[JobInfo]:
    """Move it to another pool of its host; the guest that has it keeps it and may run."""
    actor = actor_of(request)
    job = volume_services.move(actor=actor, volume_id=volume_id, pool_id=data.pool_id)
    return Status(202, represent.job(job))


@volumes.post(
    "/{volume_id}/wipe",
    response={202: JobInfo},
    operation_id="wipe_volume",
    summary="Wipe a volume",
)
def wipe_volume(request: HttpRequest, volume_id: UUID) -> Status[JobInfo]:
    """Overwrite its data with zeros; an empty volume remains. Refused while anything needs it."""
    job = volume_services.wipe(actor=actor_of(request), volume_id=volume_id)
    return Status(202, represent.job(job))


@volumes.delete(
    "/{volume_id}",
    response={204: None},
    operation_id="delete_volume",
    summary="Delete a volume",
)
def delete_volume(request: HttpRequest, volume_id: UUID) -> Status[None]:
    """Delete it for good. Refused while anything needs it."""
    volume_services.delete(actor=actor_of(request), volume_id=volume_id)
    return Status(204, None)
