"""What a recorder asks and tells while it works, as kvmweb itself; and what is left to tidy up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from vms.live import publish
from vms.models import VM, AuditPhase, Recording, RecordingPolicy, RecordingState
from vms.models.recording import OPEN_RECORDINGS
from vms.policy import Actor, SystemActor
from vms.services import audit, recording_files

log = structlog.get_logger(__name__)

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The screen of a guest, or one of its serial ports, counted from 0."""

    vm_id: str
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A recording that is to begin now. `is_required`: without it nobody may use the console."""

    recording_id: str
    title: str
    path: Path
    is_required: bool
    max_bytes: int
    max_ms: int


@dataclass(frozen=True, slots=True)
class Unrecordable:
    """It should be recorded and cannot be; `is_required` as in a plan."""

    is_required: bool


def begin(key: DeviceKey) -> Plan | Unrecordable | None:
    """Claim the recording of a device that somebody looks at; None: it is not to be recorded, or
    somebody else does it.
    """
    vm = VM.objects.defer("xml").filter(pk=key.vm_id).first()
    if vm is None:
        return None
    is_required = vm.recording == RecordingPolicy.ALWAYS
    row = _open_rows(key).first()
    if row is None and is_required:
        row = _always(vm, key)
    if row is None or not _claim(row):
        return None
    if not has_room():
        finish(recording_id=str(row.pk), reason="no-room")
        return Unrecordable(is_required)
    publish.consoles_changed(key.vm_id)
    limits = settings.KVMWEB
    return Plan(
        recording_id=str(row.pk),
        title=row.vm_name,
        path=recording_files.path_of(row.pk, key.kind),
        is_required=is_required,
        max_bytes=limits.recording_max_mib * MIB,
        max_ms=limits.recording_max_minutes * 60_000,
    )


def _open_rows(key: DeviceKey) -> QuerySet[Recording]:
    rows = Recording.objects.filter(vm_id=key.vm_id, kind=key.kind, device=key.number)
    return rows.filter(state__in=OPEN_RECORDINGS)


def _always(vm: VM, key: DeviceKey) -> Recording | None:
    try:
        with transaction.atomic():
            row = Recording.objects.create(vm=vm, vm_name=vm.name, kind=key.kind, device=key.number)
            audit.write(trail(SystemActor(), "recording.start", row), AuditPhase.SUCCEEDED)
    except IntegrityError:
        return None
    return row


def _claim(row: Recording) -> bool:
    wanted = Recording.objects.filter(pk=row.pk, state=RecordingState.WANTED)
    return wanted.update(state=RecordingState.RUNNING, began_at=timezone.now()) == 1


def has_room() -> bool:
    """Say whether disk and the limit on all recordings let anything more be recorded."""
    limits = settings.KVMWEB
    total = Recording.objects.aggregate(total=Sum("size_bytes"))["total"] or 0
    is_below = total < limits.recordings_max_mib * MIB
    return is_below and recording_files.free_bytes() > limits.recording_free_mib * MIB


def go_on(*, recording_id: str, size_bytes: int, duration_ms: int) -> str:
    """Note how far a recording is; return "" or why it is to end."""
    rows = Recording.objects.filter(pk=recording_id)
    rows.update(size_bytes=size_bytes, duration_ms=duration_ms)
    row = rows.select_related("vm").first()
    if row is None or row.vm is None:
        return "vm-gone"
    if row.is_stop_wanted:
        return "stopped"
    if row.vm.recording == RecordingPolicy.OFF:
        return "policy"
    return "" if has_room() else "no-room"


def finish(*, recording_id: str, reason: str, size_bytes: int = 0, duration_ms: int = 0) -> None:
    """Write that a recording has ended, and why."""
    row = Recording.objects.filter(pk=recording_id).first()
    if row is None or not row.is_open:
        return
    row.state, row.reason, row.ended_at = RecordingState.ENDED, reason, timezone.now()
    row.size_bytes, row.duration_ms = size_bytes, duration_ms
    row.save(update_fields=["state", "reason", "ended_at", "size_bytes", "duration_ms"])
    seconds = round(duration_ms / 1000)
    audit.write(
        trail(SystemActor(), "recording.end", row),
        AuditPhase.SUCCEEDED,
        reason=reason,
        seconds=seconds,
        bytes=size_bytes,
    )
    publish.consoles_changed(str(row.vm_id))


def abandon(key: DeviceKey) -> None:
    """End what was asked for and never began: all who looked have left."""
    for row in _open_rows(key).filter(state=RecordingState.WANTED):
        finish(recording_id=str(row.pk), reason="closed")


def recover() -> None:
    """After a start: end what a server that was killed was recording, as far as its file is whole;
    remove files that belong to no recording.
    """
    for row in Recording.objects.filter(state__in=OPEN_RECORDINGS):
        found = recording_files.repair(recording_files.path_of(row.pk, row.kind), row.kind)
        finish(
            recording_id=str(row.pk),
            reason="interrupted",
            size_bytes=found.size_bytes,
            duration_ms=found.duration_ms,
        )
    known = {
        recording_files.path_of(pk, kind).name
        for pk, kind in Recording.objects.values_list("pk", "kind")
    }
    for path in recording_files.folder().iterdir():
        if path.name not in known and path.suffix in recording_files.SUFFIXES.values():
            path.unlink(missing_ok=True)


def delete_old() -> int:
    """Delete recordings older than KVMWEB_RECORDING_DAYS; return how many went."""
    if not settings.KVMWEB.recording_days:
        return 0
    limit = timezone.now() - timedelta(days=settings.KVMWEB.recording_days)
    gone = 0
    for row in Recording.objects.filter(state=RecordingState.ENDED, ended_at__lt=limit):
        recording_files.path_of(row.pk, row.kind).unlink(missing_ok=True)
        audit.write(trail(SystemActor(), "recording.expire", row), AuditPhase.SUCCEEDED)
        row.delete()
        gone += 1
    return gone


def trail(actor: Actor, action: str, row: Recording) -> audit.Trail:
    """Begin a line about a recording; its guest is the target, so that its history shows it."""
    target = audit.Target("vm", str(row.vm_id or ""), row.vm_name)
    detail: dict[str, str | int | list[str]] = {
        "recording": str(row.pk),
        "kind": row.kind,
        "device": row.device,
    }
    return audit.Trail(actor, action, target, detail=detail)
