"""Replaying and taking recordings: asking for it is written down and gives a ticket for the file.

The ticket is signed and holds all that is known of it, so that fetching the file, in however many
pieces, writes nothing.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass, field

from django.core import signing
from django.utils import timezone

from vms import selectors
from vms.models import AuditEntry, AuditPhase, Recording
from vms.policy import Action, Person
from vms.services import audit, filming, recording_files
from vms.services.recording_files import Contents

MAX_TICKET_S = 12 * 3600
"""A player may stand still for hours; who asks is looked at again for each piece."""
_SALT = "kvmweb recording"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a player needs: what is in the file, and the ticket that it is fetched with."""

    recording: Recording
    contents: Contents
    ticket: str = field(repr=False)


def play(*, actor: Person, recording_id: selectors.Identifier) -> Replay:
    """Let somebody replay a recording."""
    row = selectors.recording(actor, recording_id)
    found = recording_files.contents(recording_files.path_of(row.pk, row.kind), row.kind)
    _note(actor, row, Action.RECORDING_VIEW.value)
    return Replay(row, found, _ticket(actor, row))


def take(*, actor: Person, recording_id: selectors.Identifier) -> str:
    """Let somebody download a recording: return the ticket for its file."""
    row = selectors.recording(actor, recording_id)
    _note(actor, row, "recording.download")
    return _ticket(actor, row)


def admits(*, actor: Person, recording: Recording, ticket: str) -> bool:
    """Say whether a ticket lets this person fetch the file of that recording."""
    try:
        found = signing.loads(ticket, salt=_SALT, max_age=MAX_TICKET_S)
    except signing.BadSignature:
        return False
    return bool(found == _holder(actor, recording))


def _ticket(actor: Person, row: Recording) -> str:
    return signing.dumps(_holder(actor, row), salt=_SALT)


def _holder(actor: Person, row: Recording) -> dict[str, str]:
    return {"recording": str(row.pk), "user": str(actor.user.pk)}


def _note(actor: Person, row: Recording, action: str) -> None:
    """Write down that somebody does this, once in an hour: a player may be reloaded often."""
    hour = timezone.now().strftime("%Y-%m-%dT%H")
    correlation = uuid.uuid5(row.pk, f"{actor.user.pk} {action} {hour}")
    if AuditEntry.objects.filter(correlation=correlation).exists():
        return
    line = filming.trail(actor, action, row)
    audit.write(dataclasses.replace(line, correlation=correlation), AuditPhase.SUCCEEDED)
