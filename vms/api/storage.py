"""Storage: pools and their volumes. For administrators; what takes long answers with its job."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
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
from vms.api.once import MATCH, ONCE, once, once_a_job, require_match, tag_of
from vms.api.paging import each, page
from vms.api.schemas.jobs import JobInfo
from vms.api.schemas.storage import PoolInfo, PoolPage, VolumeInfo, VolumePage
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


def _made(actor: Actor, pool: Pool) -> tuple[int, PoolInfo, str]:
    return 201, _pool(actor, pool.pk), reverse("api:get_pool", kwargs={"pool_id": pool.pk})


@pools.post(
    "",
    response={201: PoolInfo},
    operation_id="create_pool",
    summary="Make a pool",
    openapi_extra=ONCE,
)
def create_pool(request: HttpRequest, data: PoolCreate, response: HttpResponse) -> Status[PoolInfo]:
    """Define, build and start a pool of kind dir, fs, netfs or logical."""
    actor = actor_of(request)
    spec = PoolSpec(**data.model_dump(exclude={"host_id"}))
    return once(
        request,
        response,
        PoolInfo,
        lambda: _made(actor, pool_services.create(actor=actor, host_id=data.host_id, spec=spec)),
    )


@pools.post(
    "/xml",
    response={201: PoolInfo},
    operation_id="create_pool_from_xml",
    summary="Any other pool",
    openapi_extra=ONCE,
)
def create_pool_from_xml(
    request: HttpRequest, data: PoolFromXml, response: HttpResponse
) -> Status[PoolInfo]:
    """Define a pool of any kind from its XML, which libvirt validates; started where that works."""
    actor = actor_of(request)
    return once(
        request,
        response,
        PoolInfo,
        lambda: _made(
            actor,
            pool_services.create_from_xml(actor=actor, host_id=data.host_id, xml=data.xml),
        ),
    )


@pools.get("/{pool_id}", response=PoolInfo, operation_id="get_pool", summary="Look at a pool")
def get_pool(request: HttpRequest, pool_id: UUID, response: HttpResponse) -> PoolInfo:
    """Show a storage pool, how full it is, and what is promised of it."""
    shown = _pool(actor_of(request), pool_id)
    response["ETag"] = _pool_tag(shown)
    return shown


def _pool_tag(shown: PoolInfo) -> str:
    """Make the entity tag of what can be edited of a pool: how full it is changes by itself."""
    return tag_of(shown.name, shown.has_autostart)


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
    openapi_extra=MATCH,
)
def set_pool_autostart(
    request: HttpRequest, pool_id: UUID, data: PoolAutostart, response: HttpResponse
) -> PoolInfo:
    """Say whether a pool starts with its host."""
    actor = actor_of(request)
    require_match(request, lambda: _pool_tag(_pool(actor, pool_id)))
    pool_services.set_autostart(actor=actor, pool_id=pool_id, is_on=data.has_autostart)
    return get_pool(request, pool_id, response)


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
    openapi_extra=ONCE,
)
def create_volume(
    request: HttpRequest, pool_id: UUID, data: VolumeCreate, response: HttpResponse
) -> Status[JobInfo]:
    """Make an empty volume."""
    new = NewVolume(**data.model_dump())
    return once_a_job(
        request,
        response,
        lambda: volume_services.create(actor=actor_of(request), pool_id=pool_id, new=new),
    )


@volumes.get(
    "/{volume_id}", response=VolumeInfo, operation_id="get_volume", summary="Look at a volume"
)
def get_volume(request: HttpRequest, volume_id: UUID, response: HttpResponse) -> VolumeInfo:
    """Show a volume and what needs it."""
    return _volume(selectors.volume(actor_of(request), volume_id), response)


def _volume(row: Volume, response: HttpResponse) -> VolumeInfo:
    response["ETag"] = _volume_tag(row)
    return _volumes(row.pool, [row])[0]


def _volume_tag(row: Volume) -> str:
    return tag_of(row.pool_id, row.name, row.capacity_bytes)


@volumes.post(
    "/{volume_id}/clone",
    response={202: JobInfo},
    operation_id="clone_volume",
    summary="Clone a volume",
    openapi_extra=ONCE,
)
def clone_volume(
    request: HttpRequest, volume_id: UUID, data: VolumeClone, response: HttpResponse
) -> Status[JobInfo]:
    """Make a full copy that stands alone. Refused while a running guest writes to it."""
    return once_a_job(
        request,
        response,
        lambda: volume_services.clone(
            actor=actor_of(request),
            volume_id=volume_id,
            name=data.name,
            pool_id=data.pool_id,
            format=data.format or "",
        ),
    )


@volumes.post(
    "/{volume_id}/resize",
    response=VolumeInfo,
    operation_id="resize_volume",
    summary="Resize a volume",
    openapi_extra=MATCH,
)
def resize_volume(
    request: HttpRequest, volume_id: UUID, data: VolumeResize, response: HttpResponse
) -> VolumeInfo:
    """Grow it, under its guest if that runs; or shrink it, only while the guest is off."""
    actor = actor_of(request)
    require_match(request, lambda: _volume_tag(selectors.volume(actor, volume_id)))
    row = volume_services.resize(actor=actor, volume_id=volume_id, **data.model_dump())
    return _volume(row, response)


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
