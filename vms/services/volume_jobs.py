"""The work of jobs about volumes, run by the worker: making, cloning, wiping, moving.

Everything that is to be made is noted first, so that whatever ends a job leaves either the old or
the new, never half of one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vms.hypervisor import copies, disks, domains, storage, wiping
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import (
    DomainNotFound,
    OperationFailed,
    PoolNotFound,
    VolumeExists,
    VolumeNotFound,
)
from vms.hypervisor.storage_types import BLOCK_KINDS, DiskUse, VolumeSpec
from vms.hypervisor.types import VolumeInfo
from vms.models import Job, Pool, Volume
from vms.policy import Actor
from vms.problems import NotFound, Problem
from vms.services import hosts, job_kinds, jobs, survey, sync, undo, uses, volumes


def _again_create(actor: Actor, job: Job) -> Job:
    params = dict(job.params)
    pool_id = str(params.pop("pool_id"))
    return volumes.create(actor=actor, pool_id=pool_id, new=volumes.NewVolume(**params))


@job_kinds.runs(volumes.CREATE, again=_again_create)
def run_create(job: Job) -> None:
    """Make an empty volume."""
    pool = _pool(job)
    spec = volumes.spec(pool, job.params)
    jobs.step(job, "volume", 0)
    _make(job, pool, spec, lambda: copies.create(volumes.link_of(pool), spec, _progress(job)))
    jobs.advance(job, "settle", 1)
    survey.pool(pool.host, pool.name)


def _again_clone(actor: Actor, job: Job) -> Job:
    return volumes.clone(actor=actor, volume_id=str(job.target_id), **job.params)


@job_kinds.runs(volumes.CLONE, again=_again_clone)
def run_clone(job: Job) -> None:
    """Copy a volume with all that is below it."""
    source, pool = _volume(job), _pool(job)
    jobs.step(job, "check-volume", 0)
    volumes.require_at_rest(uses.now(source))
    info = _look(source)
    spec = volumes.spec(pool, {**job.params, "capacity_bytes": info.capacity_bytes})
    jobs.step(job, "copy-volume", 1)
    _copy(job, source, pool, spec)
    jobs.advance(job, "settle", 2)
    survey.pool(pool.host, pool.name)


def _again_wipe(actor: Actor, job: Job) -> Job:
    return volumes.wipe(actor=actor, volume_id=str(job.target_id))


@job_kinds.runs(volumes.WIPE, again=_again_wipe)
def run_wipe(job: Job) -> None:
    """Overwrite a volume; a file is then made anew, empty, with the size and format it had."""
    volume = _volume(job)
    pool = volume.pool
    link = volumes.link_of(pool)
    jobs.step(job, "check-volume", 0)
    uses.now(volume).require_none()
    info = _look(volume)
    jobs.step(job, "wipe", 1)
    wiping.wipe(link, pool=pool.name, name=volume.name, progress=_progress(job))
    jobs.advance(job, "volume", 2)
    if pool.kind not in BLOCK_KINDS:
        storage.delete_volume(link, pool=pool.name, name=volume.name)
        format = "raw" if info.format == "iso" else info.format
        storage.create_volume(
            link,
            pool=pool.name,
            name=volume.name,
            format=format,
            capacity_bytes=info.capacity_bytes,
        )
    survey.pool(pool.host, pool.name)


def _again_move(actor: Actor, job: Job) -> Job:
    return volumes.move(actor=actor, volume_id=str(job.target_id), **job.params)


@job_kinds.runs(volumes.MOVE, again=_again_move)
def run_move(job: Job) -> None:
    """Copy a volume into another pool, let its guest use the copy, and delete the old one."""
    volume, pool = _volume(job), _pool(job)
    jobs.step(job, "check-volume", 0)
    standing = uses.now(volume)
    volumes.movable_with(volume, standing)
    old = _look(volume)
    spec = VolumeSpec(
        pool.name, volume.name, volumes.fitting_format(volume, pool), old.capacity_bytes
    )
    jobs.step(job, "copy-volume", 1)
    if standing.writers:
        note = _note(pool, old, spec, standing.writers)
        _copy_live(job, pool, spec, note)
    else:
        _copy(job, volume, pool, spec)
        note = _note(pool, old, spec, standing.own_disks)
        _point_of_no_return(job, note)
    jobs.advance(job, "settle", 3)
    settle_move(*note[1:])
    _look_again(volume, pool, standing)


def _point_of_no_return(job: Job, note: list[str]) -> None:
    """From here on the move is finished rather than undone, whatever ends the job."""
    jobs.step(job, "repoint", 2)
    job.undo = [note]
    job.save(update_fields=["undo"])
    _repoint(note)


def _note(pool: Pool, old: VolumeInfo, spec: VolumeSpec, users: tuple[DiskUse, ...]) -> list[str]:
    """Note what is needed to tell later which of the two volumes is the spare one."""
    domain, target = (users[0].domain_uuid, users[0].target) if users else ("", "")
    return ["moved", str(pool.host_id), domain, target, old.pool, old.name, spec.pool, spec.name]


def _repoint(note: list[str]) -> None:
    _word, host_id, domain, _target, old_pool, old_name, new_pool, new_name = note
    link = undo.connection_of(host_id)
    if link is None:
        return
    if not domain:
        # Nobody has it: deleting the old one is all that is left, and what `moved` does.
        return
    old = storage.get_volume(link, pool=old_pool, name=old_name)
    new = storage.get_volume(link, pool=new_pool, name=new_name)
    disks.repoint(link, domain, old=old, new=new)


def _copy_live(job: Job, pool: Pool, spec: VolumeSpec, note: list[str]) -> None:
    """Copy under the running guest; QEMU keeps both in step until the guest changes over."""
    link, (domain, target) = volumes.link_of(pool), note[2:4]
    create = partial(
        storage.create_volume,
        link,
        pool=spec.pool,
        name=spec.name,
        format=spec.format,
        capacity_bytes=spec.capacity_bytes,
    )
    new = _make(job, pool, spec, create)
    job.undo = [note]
    job.save(update_fields=["undo"])
    disks.copy_live(
        link,
        domain,
        target=target,
        new=new,
        progress=_progress(job),
        before_pivot=lambda: jobs.step(job, "repoint", 2),
    )


@job_kinds.undoes("moved")
def settle_move(host_id: str, domain: str, target: str, *places: str) -> None:
    """Delete the one of two volumes that nobody needs: the old one after a move, else the new.

    `places` are pool and name of the old, then of the new one.
    """
    link = undo.connection_of(host_id)
    if link is None:
        return
    old_pool, old_name, new_pool, new_name = places
    try:
        old = storage.get_volume(link, pool=old_pool, name=old_name)
        new = storage.get_volume(link, pool=new_pool, name=new_name)
    except (VolumeNotFound, PoolNotFound):
        return  # one of the two is gone: the other is what there is
    if domain:
        _end_copy(link, domain, target)
    is_moved = _has_disk(link, domain, new) if domain else True
    if is_moved and domain:
        disks.repoint(link, domain, old=old, new=new)
    spare = old if is_moved else new
    storage.delete_volume(link, pool=spare.pool, name=spare.name)


def _end_copy(link: HostConnection, domain: str, target: str) -> None:
    """Stop a copy that still runs under a guest, e.g. because the server was killed meanwhile."""
    try:
        if disks.copy_state(link, domain, target=target) is not None:
            disks.abort_copy(link, domain, target=target)
    except DomainNotFound:
        return


def _has_disk(link: HostConnection, domain: str, volume: VolumeInfo) -> bool:
    try:
        return disks.has_disk(link, domain, volume)
    except DomainNotFound:
        return False


def _look_again(volume: Volume, pool: Pool, standing: uses.Standing) -> None:
    link = volumes.link_of(pool)
    for name in (pool.name, volume.pool.name):
        survey.pool(pool.host, name)
    for disk in standing.own_disks:
        sync.observe_domain(pool.host, domains.get(link, disk.domain_uuid))


def _copy(job: Job, source: Volume, pool: Pool, spec: VolumeSpec) -> VolumeInfo:
    clone = partial(
        copies.clone,
        volumes.link_of(pool),
        pool=source.pool.name,
        name=source.name,
        spec=spec,
        progress=_progress(job),
    )
    return _make(job, pool, spec, clone)


def _make(job: Job, pool: Pool, spec: VolumeSpec, make: Callable[[], VolumeInfo]) -> VolumeInfo:
    """Make a volume that goes if the job does not end well; one that was there before stays."""
    link = volumes.link_of(pool)
    if any(one.name == spec.name for one in storage.list_volumes(link, spec.pool)):
        raise VolumeExists(pool=spec.pool, name=spec.name)
    before = list(job.undo)
    jobs.made(job, "volume", str(pool.host_id), spec.pool, spec.name)
    try:
        return make()
    except VolumeExists:  # somebody made it this very moment: it is not ours to remove
        job.undo = before
        job.save(update_fields=["undo"])
        raise


def _look(volume: Volume) -> VolumeInfo:
    """Read the volume on the host itself."""
    pool, name = volume.pool.name, volume.name
    try:
        return storage.get_volume(hosts.connection(volume.pool.host), pool=pool, name=name)
    except OperationFailed as error:  # the pool still lists it, the file is gone
        raise VolumeNotFound(pool=pool, name=name) from error


def _progress(job: Job) -> wiping.Progress:
    return partial(jobs.progress, job)


def _volume(job: Job) -> Volume:
    rows = Volume.objects.select_related("pool", "pool__host")
    found = rows.filter(pk=str(job.target_id)).first()
    if found is None:
        raise NotFound("volume")
    return found


def _pool(job: Job) -> Pool:
    found = Pool.objects.select_related("host").filter(pk=str(job.params["pool_id"])).first()
    if found is None:
        raise Problem("unknown-pool")
    return found
