"""Bring a file that lies here into a pool as an image: verify, unpack, look into it, convert, copy.

The work of a job. Whatever it makes is noted before, so that nothing stays when it ends badly.
"""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from vms import selectors
from vms.hypervisor import images, storage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import OperationFailed, VolumeExists
from vms.hypervisor.storage_types import BLOCK_KINDS, PoolKind
from vms.hypervisor.types import PoolState, VolumeInfo
from vms.imaging import checksums, formats, inspection, unpack
from vms.imaging.formats import KEPT, Format
from vms.imaging.inspection import Inspection
from vms.live import publish
from vms.models import ImageOrigin, Job, Pool
from vms.policy import Action, Actor, can
from vms.problems import Problem
from vms.services import audit, hosts, incoming, jobs, names, sync_storage
from vms.services.job_kinds import runs

IMPORT = "import-image"
STEPS = 5
CHUNK_BYTES = 1 << 20
_TRIES = 50
_ODD = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True)
class Params:
    """What the job needs besides its file, as plain values."""

    pool_id: str
    filename: str
    source: str
    origin: str
    checksum: str = ""
    """Algorithm, colon, digest: what the file as it came must have; "" for anything."""
    is_verified: bool = False
    os_id: str = ""
    arch: str = ""
    more: dict[str, Any] = field(default_factory=dict)  # Any: values of whoever made the file
    """For the service that fetched the file."""


def pools_for(actor: Actor) -> list[Pool]:
    """List the pools that the actor may bring an image into: the usual one, then for those who
    manage pools all others that run.
    """
    if not can(actor, Action.IMAGE_ADD):
        return []
    pools = Pool.objects.select_related("host").filter(state=PoolState.ACTIVE.value)
    if not can(actor, Action.POOL_MANAGE):
        pools = pools.filter(name=settings.KVMWEB.pool)
    by_name = pools.order_by("host__name", "name")
    return sorted(by_name, key=lambda pool: pool.name != settings.KVMWEB.pool)


def pool_for(actor: Actor, pool_id: selectors.Identifier) -> Pool | None:
    """Return the pool of that id if an image may go there, or the usual one for ""."""
    pools = pools_for(actor)
    if not pool_id:
        return next((pool for pool in pools if pool.name == settings.KVMWEB.pool), None)
    return next((pool for pool in pools if str(pool.pk) == str(pool_id)), None)


def request(
    *, actor: Actor, kind: str, file_id: uuid.UUID, params: Params, pool: Pool, steps: int = STEPS
) -> Job:
    """Enqueue a job about a file of ours; call inside a transaction."""
    target = audit.Target("image", str(file_id), params.filename)
    detail: dict[str, str | int | list[str]] = {"pool": pool.name, "from": params.origin}
    action = f"image.{params.source}"
    trail = audit.Trail(actor, action, target, detail=detail, correlation=file_id)
    if kind != IMPORT:  # an upload was asked for when it began
        audit.requested(trail)
    undo = (("file", str(file_id)),)
    new = jobs.NewJob(kind, None, asdict(params), steps, undo, target)
    return jobs.request(actor=actor, new=new, correlation=trail.correlation)


@runs(IMPORT)
def run(job: Job) -> None:
    """Bring an uploaded file in."""
    bring_in(job, Params(**job.params), steps_before=0)


@dataclass(slots=True)
class _Work:
    """What the steps share; `path` is the file as far as it has got."""

    job: Job
    params: Params
    pool: Pool
    path: Path
    done: int

    def step(self, code: str) -> None:
        """Begin the next step."""
        jobs.step(self.job, code, self.done)
        self.job.bytes_done = self.job.bytes_total = 0
        self.job.save(update_fields=["bytes_done", "bytes_total"])
        self.done += 1

    def make(self, ending: str) -> Path:
        """Name a file to be made, and see to it that it goes in the end."""
        path = incoming.path_of(str(self.job.target_id), ending)
        jobs.made(self.job, "file", path.name)
        path.unlink(missing_ok=True)
        return path

    def go_on_with(self, path: Path) -> None:
        """Drop the file of the step before."""
        incoming.remove(self.path.name)
        self.path = path

    def told(self, total_bytes: int) -> Callable[[int], None]:
        """Return what takes the progress of this step."""
        return lambda done: jobs.progress(self.job, min(done, total_bytes), total_bytes)


def bring_in(job: Job, params: Params, *, steps_before: int) -> VolumeInfo:
    """Do all steps from the file of the job's target on, and write what came of it.

    Raises Problem, host errors, jobs.Cancelled; what was noted is then removed by `jobs.finish`.
    """
    pool = Pool.objects.select_related("host").filter(pk=params.pool_id).first()
    if pool is None:
        raise Problem("unknown-pool")
    work = _Work(job, params, pool, incoming.path_of(str(job.target_id)), steps_before)
    try:
        with unpack.in_folder(incoming.folder()):
            return _all_steps(work)
    finally:
        _drop_files(job)


def _all_steps(work: _Work) -> VolumeInfo:
    work.step("verify")
    digest = _verify(work)
    work.step("unpack")
    _unpack(work)
    work.step("inspect")
    found = _inspect(work)
    work.step("convert")
    format = _format_there(work.pool, found.format)
    if format is not found.format:
        _convert(work, found, format)
    work.step("copy")
    volume = _copy(work, format)
    _settle(work, found, volume, digest)
    return volume


def _verify(work: _Work) -> str:
    """Compute the digest of the file as it came, and compare it with what it should be."""
    wanted = work.params.checksum
    digest = checksums.new(wanted.partition(":")[0] or "sha256")
    told, read = work.told(work.path.stat().st_size), 0
    with work.path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            read += len(chunk)
            told(read)
    found = f"{digest.name}:{digest.hexdigest()}"
    if wanted and found != wanted:
        raise Problem("checksum-wrong", wanted=wanted, found=found)
    return found


def _unpack(work: _Work) -> None:
    said = formats.declared(work.params.filename)
    total = work.path.stat().st_size
    limit = incoming.largest_bytes()
    if said.packing:
        with work.path.open("rb") as file:
            formats.require_packing(said.packing, file.read(formats.HEAD_BYTES))
        target = work.make("unpacked")
        unpack.unpack(work.path, target, said.packing, limit_bytes=limit, progress=work.told(total))
        work.go_on_with(target)
    if said.format is Format.OVA:
        _unpack_ova(work, limit)


def _unpack_ova(work: _Work, limit_bytes: int) -> None:
    with work.path.open("rb") as file:
        formats.require(Format.OVA, file.read(formats.HEAD_BYTES))
    target, total = work.make("disk"), work.path.stat().st_size
    unpack.extract_disk(work.path, target, limit_bytes=limit_bytes, progress=work.told(total))
    work.go_on_with(target)


def _inspect(work: _Work) -> Inspection:
    expected = formats.declared(work.params.filename).format
    if expected is Format.OVA:
        expected = Format.VMDK
    return inspection.inspect(work.path, expected)


def _format_there(pool: Pool, format: Format) -> Format:
    """Say what an image becomes in the pool: a device holds no qcow2."""
    if pool.kind in BLOCK_KINDS:
        return format if format is Format.ISO else Format.RAW
    return format if format in KEPT else Format.QCOW2


def _convert(work: _Work, found: Inspection, format: Format) -> None:
    target, total = work.make(format.value), found.virtual_bytes
    told = work.told(total)
    unpack.require_space(target.parent, 0)
    try:
        images.convert(
            work.path,
            target,
            format=found.format.value,
            into=format.value,
            limit_bytes=incoming.largest_bytes(),
            progress=lambda fraction: told(round(fraction * total)),
        )
    except OperationFailed as error:
        unpack.require_space(target.parent, 0)
        if os.strerror(errno.ENOSPC) in str(error.params["detail"]):
            raise _full(target, total) from error
        raise Problem("image-damaged", detail=str(error.params["detail"])) from error
    work.go_on_with(target)


def _full(target: Path, total_bytes: int) -> Problem:
    """Say how much more the result would take at most."""
    return Problem("uploads-full", missing_bytes=max(1, total_bytes - target.stat().st_size))


def _copy(work: _Work, format: Format) -> VolumeInfo:
    """Stream the file into the pool under a name that is free there."""
    size = work.path.stat().st_size
    host = hosts.connection(work.pool.host)
    taken = _taken(work, host)
    for name in _names(work.pool, work.params.filename, format):
        before = list(work.job.undo)
        if name in taken:
            continue
        jobs.made(work.job, "volume", str(work.pool.host_id), work.pool.name, name)
        try:
            return storage.upload_file(
                host,
                pool=work.pool.name,
                name=name,
                format=format.value,
                path=work.path,
                progress=work.told(size),
            )
        except VolumeExists:  # somebody was quicker: it is not ours to remove
            work.job.undo = before
            work.job.save(update_fields=["undo"])
    raise VolumeExists(pool=work.pool.name, name=work.params.filename)


def _taken(work: _Work, host: HostConnection) -> frozenset[str]:
    """Return the names that stand in the pool, as the host says now, and those of other jobs."""
    pool = work.pool
    there = {volume.name for volume in storage.list_volumes(host, pool.name, refresh=True)}
    coming = selectors.volumes_being_made()
    place = (str(pool.host_id), pool.name)
    return frozenset(there | {each[2] for each in coming if each[:2] == place})


def _names(pool: Pool, filename: str, format: Format) -> list[str]:
    """Propose names for the volume: that of the file, then with a number behind it."""
    filename = names.in_ascii(filename) if pool.kind == PoolKind.LOGICAL else filename
    stem = _ODD.sub("-", formats.declared(filename).stem).strip("-.")[:100] or "image"
    ending = format.value
    return [f"{stem}.{ending}", *(f"{stem}-{number}.{ending}" for number in range(2, _TRIES))]


def _settle(work: _Work, found: Inspection, volume: VolumeInfo, digest: str) -> None:
    """Write what is known of the image now, and drop the file that it was made of."""
    params = work.params
    os = found.found.os if found.found else None
    with transaction.atomic():
        ImageOrigin.objects.update_or_create(
            host=work.pool.host,
            pool_name=work.pool.name,
            volume_name=volume.name,
            defaults={
                "source": params.source,
                "origin": params.origin[:1000],
                "checksum": digest,
                "is_verified": params.is_verified,
                "os_id": os.id if os else params.os_id,
                "os_name": os.name if os else "",
                "arch": found.found.arch if found.found else params.arch,
                "is_bootable": _boots(found),
                "has_efi": found.iso.has_efi if found.iso else None,
                "added_by": work.job.actor,
            },
        )
        sync_storage.observe_volume(work.pool.host, volume)
        work.job.target_name = volume.name[:200]
        # The image is whole and known: whatever comes now, it stays, and templates may use it.
        work.job.undo = [note for note in work.job.undo if note[0] == "file"]
        work.job.save(update_fields=["target_name", "undo"])
        transaction.on_commit(_tell)


def _drop_files(job: Job) -> None:
    """Remove the files at once; a volume may have to wait until its pool is back."""
    for note in job.undo:
        if note[0] == "file":
            incoming.remove(note[1])


def _boots(found: Inspection) -> bool | None:
    return (found.iso.is_bootable or found.iso.has_efi) if found.iso else None


def _tell() -> None:
    publish.things_changed("images")
    publish.things_changed("pools")
