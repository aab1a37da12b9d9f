"""Volumes: made, cloned, resized, wiped, moved, deleted; administrators only.

What lasts as long as a volume is large is asked for here and done in volume_jobs.py. Before
anything is lost or moved the host itself is asked who needs the volume.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

from django.db import IntegrityError, transaction

from vms import messages, selectors
from vms.hypervisor import disks, storage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.storage_types import (
    BLOCK_KINDS,
    RESIZABLE_KINDS,
    DiskUse,
    PoolKind,
    VolumeSpec,
)
from vms.models import VM, Job, Pool, Volume
from vms.policy import Action, Actor
from vms.problems import Invalid, NotFound, Problem, Refused
from vms.services import audit, busy, hosts, jobs, names, quotas, survey, uses
from vms.services.pool_state import pool_problem

FORMATS = ("qcow2", "raw")
MIN_BYTES = 1 << 20
MAX_BYTES = 1 << 58
CREATE, CLONE, WIPE, MOVE = "create-volume", "clone-volume", "wipe-volume", "move-volume"
STEPS = {CREATE: 2, CLONE: 3, WIPE: 3, MOVE: 4}


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume to be made. Preallocated, all its space is taken at once."""

    name: str
    format: str
    capacity_bytes: int
    is_preallocated: bool = False


def formats(pool: Pool) -> tuple[str, ...]:
    """Name the formats that volumes of the pool can have, the proposed one first."""
    return ("raw",) if pool.kind in BLOCK_KINDS else FORMATS


def about(volume: Volume) -> audit.Target:
    """Name a volume as the target of an action."""
    return audit.Target("volume", str(volume.pk), f"{volume.pool.name}/{volume.name}")


def create(*, actor: Actor, pool_id: selectors.Identifier, new: NewVolume) -> Job:
    """Enqueue the making of an empty volume. Raises Invalid with a problem per field, Refused."""
    pool = selectors.pool(actor, pool_id, Action.VOLUME_MANAGE)
    _require_running(pool)
    errors = _name_errors(pool, new.name) | _size_errors(new.capacity_bytes)
    if new.format not in formats(pool):
        errors["format"] = Problem("volume-format", formats=", ".join(formats(pool)))
    if new.is_preallocated and new.capacity_bytes > pool.available_bytes:
        limit = messages.size(pool.available_bytes)
        errors["capacity_bytes"] = Problem("disk-over-pool", pool=pool.name, limit=limit)
    if errors:
        raise Invalid(errors)
    # Two requests of one name are one thing, though there is no row of it yet.
    target_id = str(uuid.uuid5(pool.pk, new.name))
    trail = audit.Trail(
        actor,
        "volume.create",
        audit.Target("volume", target_id, f"{pool.name}/{new.name}"),
        command=f"virsh vol-create-as {pool.name} {new.name} {new.capacity_bytes} "
        f"--format {new.format}",
    )
    return _ask(trail, CREATE, {"pool_id": str(pool.pk), **asdict(new)})


def clone(
    *,
    actor: Actor,
    volume_id: selectors.Identifier,
    name: str,
    pool_id: selectors.Identifier | None = None,
    format: str = "",
) -> Job:
    """Enqueue a full copy of a volume, in the same pool and format unless told otherwise.

    Raises Invalid with a problem per field, Refused while a running guest writes to it.
    """
    source = selectors.volume(actor, volume_id, Action.VOLUME_MANAGE)
    pool = _target_pool(actor, source, pool_id or source.pool_id)
    _require_running(source.pool)
    chosen = format or fitting_format(source, pool)
    errors = _name_errors(pool, name)
    if chosen not in formats(pool):
        errors["format"] = Problem("volume-format", formats=", ".join(formats(pool)))
    if errors:
        raise Invalid(errors)
    require_at_rest(uses.now(source))
    trail = audit.Trail(
        actor,
        "volume.clone",
        about(source),
        command=f"virsh vol-clone {source.name} {name} --pool {source.pool.name}",
        detail={"clone": f"{pool.name}/{name}"},
    )
    return _ask(trail, CLONE, {"pool_id": str(pool.pk), "name": name, "format": chosen})


def fitting_format(volume: Volume, pool: Pool) -> str:
    """Propose the format of a copy: that of the volume where the pool can hold it."""
    return volume.format if volume.format in formats(pool) else "raw"


def require_at_rest(standing: uses.Standing) -> None:
    """Refuse while a running guest writes to the volume: a copy would be torn."""
    for disk in standing.writers:
        raise Refused("volume-in-motion", name=standing.name, guest=disk.domain_name)


def resize(
    *,
    actor: Actor,
    volume_id: selectors.Identifier,
    capacity_bytes: int,
    is_shrink_confirmed: bool = False,
) -> Volume:
    """Set the size of a volume; a running guest that has it learns of its growth at once.

    Shrinking needs a word of consent, a guest that is off, and nothing that is based on it; growth
    of a guest's disk, room in its owner's quota. Raises Invalid, Refused.
    """
    volume = selectors.volume(actor, volume_id, Action.VOLUME_MANAGE)
    _require_running(volume.pool)
    if errors := _size_errors(capacity_bytes):
        raise Invalid(errors)
    _require_resizable(volume, capacity_bytes)
    standing = uses.now(volume)
    is_shrink = capacity_bytes < volume.capacity_bytes
    if is_shrink:
        _require_shrinkable(standing, is_shrink_confirmed=is_shrink_confirmed)
    uses.require_none(volume.name, [one for one in standing.dependents if not _is_template(one)])
    trail = audit.Trail(
        actor,
        "volume.resize",
        about(volume),
        command=f"virsh vol-resize {volume.name} {capacity_bytes}b --pool {volume.pool.name}"
        + (" --shrink" if is_shrink else ""),
        detail={"from": volume.capacity_bytes, "to": capacity_bytes},
    )
    with audit.audited(trail):
        _require_no_job(volume)
        with _within_quotas(actor, volume, standing, capacity_bytes):
            set_size(volume, standing, capacity_bytes)
    volume.refresh_from_db()
    return volume


def _require_resizable(volume: Volume, capacity_bytes: int) -> None:
    """Refuse what libvirt cannot do; a guest can be told of what has been done without it."""
    is_told = capacity_bytes == volume.capacity_bytes
    if volume.pool.kind not in RESIZABLE_KINDS and not is_told:
        device = {"name": volume.name, "path": volume.path}
        code = (
            "lvm-resized-by-hand" if volume.pool.kind == PoolKind.LOGICAL else "pool-cannot-resize"
        )
        raise Refused(code, **device)


@contextmanager
def _within_quotas(
    actor: Actor, volume: Volume, standing: uses.Standing, capacity_bytes: int
) -> Iterator[None]:
    """Ask the quota of each guest that has the volume as a disk, where it becomes larger."""
    more = capacity_bytes - volume.capacity_bytes
    ids = {disk.domain_uuid for disk in standing.own_disks if more > 0}
    guests = VM.objects.select_related("owner").filter(host=volume.pool.host, domain_uuid__in=ids)
    with ExitStack() as stack:
        for vm in guests.order_by("pk"):
            stack.enter_context(quotas.more_disk(actor=actor, vm=vm, bytes_more=more))
        yield


def _is_template(use: uses.Use) -> bool:
    return use.kind is uses.UseKind.TEMPLATE


def _require_shrinkable(standing: uses.Standing, *, is_shrink_confirmed: bool) -> None:
    standing.require_independent()
    for disk in standing.own_disks:
        if disk.is_active:
            raise Refused("shrink-needs-off", name=disk.domain_name)
    if not is_shrink_confirmed:
        raise Invalid({"is_shrink_confirmed": Problem("shrink-needs-consent")})


def set_size(volume: Volume, standing: uses.Standing, capacity_bytes: int) -> None:
    """Resize on the host, under the running guest where one has it, and look again."""
    link, pool = hosts.connection(volume.pool.host), volume.pool
    is_shrink = capacity_bytes < volume.capacity_bytes
    writer = standing.writers[0] if standing.writers else None
    is_first = writer is None or pool.kind in BLOCK_KINDS  # a device grows before its guest sees it
    if is_first and pool.kind in RESIZABLE_KINDS:
        disks.resize_volume(
            link,
            pool=pool.name,
            name=volume.name,
            capacity_bytes=capacity_bytes,
            is_shrink=is_shrink,
        )
    if writer is not None:
        disks.grow_live(
            link, writer.domain_uuid, target=writer.target, capacity_bytes=capacity_bytes
        )
    survey.pool(pool.host, pool.name)


def wipe(*, actor: Actor, volume_id: selectors.Identifier) -> Job:
    """Enqueue the overwriting of a volume with zeros. Raises Refused while anything needs it."""
    volume = selectors.volume(actor, volume_id, Action.VOLUME_MANAGE)
    _require_running(volume.pool)
    uses.now(volume).require_none()
    command = f"virsh vol-wipe {volume.name} --pool {volume.pool.name}"
    return _ask(audit.Trail(actor, "volume.wipe", about(volume), command=command), WIPE, {})


def move(*, actor: Actor, volume_id: selectors.Identifier, pool_id: selectors.Identifier) -> Job:
    """Enqueue the moving of a volume to another pool of its host, under its guest if that runs.

    The one guest that has it keeps it. Raises Refused while several do, or anything is based on it.
    """
    volume = selectors.volume(actor, volume_id, Action.VOLUME_MANAGE)
    pool = _target_pool(actor, volume, pool_id)
    _require_running(volume.pool)
    if pool.pk == volume.pool_id:
        raise Invalid({"pool": Problem("volume-there-already")})
    if errors := _name_errors(pool, volume.name):
        raise Invalid({"pool": next(iter(errors.values()))})
    standing = uses.now(volume)
    guest = movable_with(volume, standing)
    if guest is not None:
        busy.require_free(guest)
    trail = audit.Trail(
        actor,
        "volume.move",
        about(volume),
        command=move_command(volume, pool, standing),
        detail={"to": pool.name},
    )
    return _ask(trail, MOVE, {"pool_id": str(pool.pk)}, guest)


def move_command(volume: Volume, pool: Pool, standing: uses.Standing) -> str:
    """Word the move as virsh has it."""
    for disk in standing.writers:
        return f"virsh blockcopy {disk.domain_uuid} {disk.target} --pivot --transient-job"
    return f"virsh vol-clone {volume.name} {volume.name} --pool {volume.pool.name}"


def movable_with(volume: Volume, standing: uses.Standing) -> VM | None:
    """Return the one guest that has the volume, None where none has it.

    Raises Refused where it cannot be moved.
    """
    standing.require_independent()
    domains = {disk.domain_uuid: disk for disk in standing.own_disks}
    if len(domains) > 1:
        standing.require_none()
    for disk in standing.own_disks:
        _require_disk(volume, disk)
        return VM.objects.filter(host=volume.pool.host, domain_uuid=disk.domain_uuid).first()
    return None


def _require_disk(volume: Volume, disk: DiskUse) -> None:
    if disk.is_active and (disk.is_readonly or disk.device != "disk"):
        raise Refused("volume-inserted", name=volume.name, guest=disk.domain_name)


def delete(*, actor: Actor, volume_id: selectors.Identifier) -> None:
    """Delete a volume for good. Raises Refused while anything needs it."""
    volume = selectors.volume(actor, volume_id, Action.VOLUME_MANAGE)
    _require_running(volume.pool)
    pool = volume.pool
    command = f"virsh vol-delete {volume.name} --pool {pool.name}"
    with audit.audited(audit.Trail(actor, "volume.delete", about(volume), command=command)):
        _require_no_job(volume)
        uses.now(volume).require_none()
        storage.delete_volume(hosts.connection(pool.host), pool=pool.name, name=volume.name)
        survey.pool(pool.host, pool.name)


def _ask(trail: audit.Trail, kind: str, params: dict[str, object], guest: VM | None = None) -> Job:
    new = jobs.NewJob(kind, guest, params, STEPS[kind], target=trail.target)
    try:
        with transaction.atomic():
            audit.requested(trail)
            return jobs.request(actor=trail.actor, new=new, correlation=trail.correlation)
    except IntegrityError:
        raise Refused("job-on-target") from None


def _require_running(pool: Pool) -> None:
    hosts.require_connected(pool.host)
    if problem := pool_problem(pool):
        raise Refused(problem.code, **problem.params)


def _require_no_job(volume: Volume) -> None:
    if jobs.open_about("volume", volume.pk):
        raise Refused("job-on-target")


def _target_pool(actor: Actor, volume: Volume, pool_id: selectors.Identifier) -> Pool:
    try:
        pool = selectors.pool(actor, pool_id, Action.VOLUME_MANAGE)
    except NotFound:
        raise Invalid({"pool": Problem("unknown-pool")}) from None
    if pool.host_id != volume.pool.host_id:
        raise Invalid({"pool": Problem("unknown-pool")})
    if problem := pool_problem(pool):
        raise Invalid({"pool": problem})
    return pool


def _name_errors(pool: Pool, name: str) -> dict[str, Problem]:
    if not name:
        return {"name": Problem("required")}
    if problem := names.name_problem(name):
        return {"name": problem}
    if pool.kind == PoolKind.LOGICAL and not names.LVM_NAME.match(name):
        return {"name": Problem("logical-name-rule")}
    if Volume.objects.filter(pool=pool, name=name).exists():
        return {"name": Problem("volume-exists", pool=pool.name, name=name)}
    return {}


def _size_errors(capacity_bytes: int) -> dict[str, Problem]:
    if capacity_bytes < MIN_BYTES:
        return {"capacity_bytes": Problem("too-small", limit=messages.size(MIN_BYTES))}
    if capacity_bytes > MAX_BYTES:
        return {"capacity_bytes": Problem("too-large", limit=messages.size(MAX_BYTES))}
    return {}


def spec(pool: Pool, params: dict[str, object]) -> VolumeSpec:
    """Read what a job is to make."""
    return VolumeSpec(
        pool=pool.name,
        name=str(params["name"]),
        format=str(params["format"]),
        capacity_bytes=int(str(params["capacity_bytes"])),
        is_preallocated=bool(params.get("is_preallocated")),
    )


def link_of(pool: Pool) -> HostConnection:
    """Return the connection to the host of a pool."""
    return hosts.connection(pool.host)
