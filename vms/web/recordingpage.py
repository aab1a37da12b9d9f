"""Recordings as pages show them: what, by whom, how long, how large, why it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from vms import messages
from vms.models import VM, Recording, RecordingPolicy
from vms.policy import Action, Person, can
from vms.services import consoles, recordings


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One recording, worded."""

    row: Recording
    what: str
    who: str
    length: str
    size: str
    ending: str
    can_stop: bool
    can_delete: bool


def recording_rows(actor: Person, rows: Iterable[Recording]) -> list[RecordingRow]:
    """Word recordings."""
    return [_row(actor, each) for each in rows]


def _row(actor: Person, row: Recording) -> RecordingRow:
    is_always = row.vm is not None and row.vm.recording == RecordingPolicy.ALWAYS
    may_stop = row.vm is not None and can(actor, Action.VM_RECORD, row.vm)
    return RecordingRow(
        row=row,
        what=device_label(row.kind, row.device),
        who=row.by_name or _("always recorded"),
        length=clock(row.duration_ms),
        size=messages.size(row.size_bytes),
        ending=messages.recording_end("" if row.is_open else row.reason),
        can_stop=row.is_open and may_stop and not is_always,
        can_delete=not row.is_open and can(actor, Action.RECORDING_DELETE, row),
    )


def device_label(kind: str, number: int) -> str:
    """Name the screen, or a serial port by its number from 0."""
    if kind != consoles.SERIAL:
        return _("Screen")
    return _("Serial %(number)s") % {"number": number + 1} if number else _("Serial")


def clock(duration_ms: int) -> str:
    """Write a length as 0:07, 12:34 or 1:02:03."""
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


@dataclass(frozen=True, slots=True)
class Filming:
    """What the console says of one device: is it recorded, and what may be done about it."""

    label: str
    kind: str
    device: int
    recording: Recording | None
    can_start: bool
    can_stop: bool
    is_never: bool
    is_always: bool


def filmings(actor: Person, guest: VM, devices: Iterable[tuple[str, int]]) -> list[Filming]:
    """Say of each device (kind, number) how it stands."""
    running = {(each.kind, each.device): each for each in recordings.running(guest)}
    may = can(actor, Action.VM_RECORD, guest)
    is_off = guest.recording == RecordingPolicy.OFF
    is_always = guest.recording == RecordingPolicy.ALWAYS
    return [
        Filming(
            label=device_label(kind, number),
            kind=kind,
            device=number,
            recording=running.get((kind, number)),
            can_start=may and not is_off and not is_always,
            can_stop=may and not is_always,
            is_never=is_off,
            is_always=is_always,
        )
        for kind, number in devices
    ]
