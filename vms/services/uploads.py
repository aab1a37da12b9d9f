"""Files that people send: asked for, received piece by piece, handed to a job, or forgotten.

The bytes themselves are the business of vms/streams/upload.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from vms import selectors
from vms.imaging import checksums, formats
from vms.live import publish
from vms.models import ImageSource, Job, Pool, Upload
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import audit, hosts, importing, incoming, limits, names

log = structlog.get_logger(__name__)

MAX_NAME = 255
MOST_UNFINISHED = 50
"""Of one person."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What somebody wants to send. `pool_id` "" stands for the pool of the first start."""

    filename: str
    size_bytes: int
    pool_id: selectors.Identifier = ""
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class UploadState:
    """How far an upload is."""

    id: str
    filename: str
    path: Path
    size_bytes: int
    offset_bytes: int
    expires_at: datetime

    @property
    def is_whole(self) -> bool:
        """True when every byte is there."""
        return self.offset_bytes >= self.size_bytes


def begin(*, actor: Actor, request: UploadRequest) -> UploadState:
    """Make room for a file. Raises Forbidden, Invalid, Refused, TooMany; then nothing was made."""
    if not isinstance(actor, Person) or not can(actor, Action.IMAGE_ADD):
        raise Forbidden("forbidden", action=Action.IMAGE_ADD.value)
    limits.spend(limits.UPLOADS, str(actor.user.pk))
    pool, checksum = _check(actor, request)
    hosts.require_connected(pool.host)
    incoming.require_room(request.size_bytes)
    with transaction.atomic():
        row = Upload.objects.create(
            user=actor.user,
            pool=pool,
            filename=request.filename,
            size_bytes=request.size_bytes,
            checksum=checksum,
            expires_at=_expiry(),
        )
        audit.requested(_trail(actor, row))
        transaction.on_commit(_tell)
    incoming.path_of(row.pk).touch(mode=0o644)
    return _state(row)


def _check(actor: Person, request: UploadRequest) -> tuple[Pool, str]:
    """Check every field of a request. Raises Invalid, Refused."""
    errors: dict[str, Problem] = {}
    checksum = ""
    if not request.filename or len(request.filename) > MAX_NAME:
        errors["filename"] = Problem("name-too-long", limit=MAX_NAME)
    elif names.has_control_characters(request.filename):
        errors["filename"] = Problem("name-control")
    try:
        formats.declared(request.filename)
        checksum = str(checksums.parse(request.checksum)) if request.checksum else ""
        if request.size_bytes <= 0:
            raise Problem("image-empty")
    except Problem as problem:
        errors.setdefault("checksum" if problem.code == "checksum-rule" else "filename", problem)
    pool = importing.pool_for(actor, request.pool_id)
    if pool is None:
        errors["pool"] = Problem("unknown-pool")
    if Upload.objects.filter(user=actor.user).count() >= MOST_UNFINISHED:
        raise Refused("too-many-uploads", limit=MOST_UNFINISHED)
    if errors or pool is None:
        raise Invalid(errors)
    return pool, checksum


def look(*, actor: Actor, upload_id: selectors.Identifier) -> UploadState:
    """Say how far an upload is. Raises NotFound."""
    return _state(selectors.upload(actor, upload_id))


def received(*, actor: Actor, upload_id: selectors.Identifier) -> UploadState:
    """Note that bytes came, so that it is not forgotten meanwhile. Raises NotFound."""
    row = selectors.upload(actor, upload_id)
    row.expires_at = _expiry()
    row.save(update_fields=["expires_at"])
    return _state(row)


def check_head(*, actor: Actor, upload_id: selectors.Identifier) -> None:
    """Refuse a file whose beginning is not what its name says, before the rest is sent.

    Raises Problem; the upload is gone then.
    """
    row = selectors.upload(actor, upload_id)
    said = formats.declared(row.filename)
    with incoming.path_of(row.pk).open("rb") as file:
        head = file.read(formats.HEAD_BYTES)
    try:
        if said.packing:
            formats.require_packing(said.packing, head)
        else:
            formats.require(said.format, head)
    except Problem as problem:
        _forget(row, _trail(actor, row), problem)
        raise


def complete(*, actor: Actor, upload_id: selectors.Identifier) -> Job:
    """Hand a whole file to a job that looks into it and brings it into the pool.

    Raises NotFound, Refused while bytes are missing.
    """
    row = selectors.upload(actor, upload_id)
    if not _state(row).is_whole:
        raise Refused("upload-not-whole")
    params = importing.Params(
        pool_id=str(row.pool_id),
        filename=row.filename,
        source=ImageSource.UPLOAD.value,
        origin=row.filename,
        checksum=row.checksum,
        is_verified=bool(row.checksum),
    )
    with transaction.atomic():
        job = importing.request(
            actor=actor, kind=importing.IMPORT, file_id=row.pk, params=params, pool=row.pool
        )
        row.delete()
        transaction.on_commit(_tell)
    return job


def discard(*, actor: Actor, upload_id: selectors.Identifier) -> None:
    """Forget an upload and its bytes. Raises NotFound."""
    row = selectors.upload(actor, upload_id)
    _forget(row, _trail(actor, row), Problem("upload-discarded"))


def expire() -> None:
    """Forget uploads that nobody went on with, and files that belong to nothing."""
    for row in Upload.objects.select_related("user", "pool").filter(expires_at__lt=timezone.now()):
        _forget(row, _trail(Person(row.user), row), Problem("upload-expired"))
    if count := incoming.sweep():
        log.info("files-without-owner-removed", count=count)


def _forget(row: Upload, trail: audit.Trail, why: Problem) -> None:
    with transaction.atomic():
        incoming.remove(str(row.pk))
        Upload.objects.filter(pk=row.pk).delete()
        audit.ended(trail, why)
        transaction.on_commit(_tell)


def _trail(actor: Actor, row: Upload) -> audit.Trail:
    target = audit.Target("image", str(row.pk), row.filename)
    detail: dict[str, str | int | list[str]] = {"pool": row.pool.name, "bytes": row.size_bytes}
    return audit.Trail(actor, "image.upload", target, detail=detail, correlation=row.pk)


def _state(row: Upload) -> UploadState:
    return UploadState(
        id=str(row.pk),
        filename=row.filename,
        path=incoming.path_of(row.pk),
        size_bytes=row.size_bytes,
        offset_bytes=min(incoming.size_of(row.pk), row.size_bytes),
        expires_at=row.expires_at,
    )


def _expiry() -> datetime:
    return timezone.now() + timedelta(hours=settings.KVMWEB.upload_hours)


def _tell() -> None:
    publish.things_changed("images")
