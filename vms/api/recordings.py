"""Recordings of consoles: list, ask for one, stop, delete; whether a guest is recorded.

The bytes of a recording come from vms/streams/playback.py at `/recordings/{id}/file`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, Query, Router, Status
from pydantic import BaseModel

from vms import messages, selectors
from vms.api.auth import actor_of
from vms.api.inputs import Input, Paging, Port
from vms.api.once import MATCH, ONCE, once, require_match, tag_of
from vms.api.paging import each, page
from vms.api.schemas.common import Page
from vms.models import VM, Recording, RecordingPolicy, RecordingState
from vms.services import recordings

router = Router(tags=["recordings"])
guests = Router(tags=["recordings"])


class RecordingInfo(BaseModel):
    """A recording of a guest's screen or serial port."""

    id: UUID
    vm_id: UUID | None = Field(description="null when the guest is gone.")
    vm_name: str
    kind: str = Field(description="vnc or serial.")
    device: int
    by: str = Field(description="Who asked for it; empty where the guest is always recorded.")
    state: RecordingState
    began_at: datetime
    ended_at: datetime | None
    duration_ms: int
    size_bytes: int
    reason: str = Field(description="Stable word for why it ended; empty while it runs.")
    reason_text: str


class RecordingPage(Page):
    """A part of the recordings."""

    items: list[RecordingInfo]


class RecordingFilter(Paging):
    """Which recordings."""

    vm: UUID | None = Field(None, description="Only those of this guest.")


class RecordingRequest(Input):
    """What to record."""

    kind: Literal["vnc", "serial"] = "vnc"
    device: Port = Field(default=0, description="Which serial port, from 0.")


class Policy(Input):
    """Whether consoles of a guest are recorded."""

    policy: RecordingPolicy


def represent(row: Recording) -> RecordingInfo:
    """Show a recording."""
    return RecordingInfo(
        id=row.pk,
        vm_id=row.vm_id,
        vm_name=row.vm_name,
        kind=row.kind,
        device=row.device,
        by=row.by_name,
        state=RecordingState(row.state),
        began_at=row.began_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        size_bytes=row.size_bytes,
        reason=row.reason,
        reason_text=messages.recording_end(row.reason),
    )


@router.get("", response=RecordingPage, operation_id="list_recordings", summary="List recordings")
def list_recordings(request: HttpRequest, wanted: Query[RecordingFilter]) -> RecordingPage:
    """List the recordings you may replay, newest first. `{id}/file` gives the bytes of one."""
    rows = selectors.recordings(actor_of(request))
    if wanted.vm:
        rows = rows.filter(vm_id=wanted.vm)
    return page(RecordingPage, rows, wanted, each(represent))


@router.get(
    "/{recording_id}",
    response=RecordingInfo,
    operation_id="get_recording",
    summary="Look at a recording",
)
def get_recording(request: HttpRequest, recording_id: UUID) -> RecordingInfo:
    """Show what is known of a recording."""
    return represent(selectors.recording(actor_of(request), recording_id))


@router.post(
    "/{recording_id}/stop",
    response={202: RecordingInfo},
    operation_id="stop_recording",
    summary="Stop a recording",
)
def stop_recording(request: HttpRequest, recording_id: UUID) -> Status[RecordingInfo]:
    """End a recording within moments."""
    row = recordings.stop(actor=actor_of(request), recording_id=recording_id)
    return Status(202, represent(row))


@router.delete(
    "/{recording_id}",
    response={204: None},
    operation_id="delete_recording",
    summary="Delete a recording",
)
def delete_recording(request: HttpRequest, recording_id: UUID) -> Status[None]:
    """Delete a recording that has ended, with its file."""
    recordings.delete(actor=actor_of(request), recording_id=recording_id)
    return Status(204, None)


@guests.post(
    "/{vm_id}/recordings",
    response={202: RecordingInfo},
    operation_id="start_recording",
    summary="Record a console",
    openapi_extra=ONCE,
)
def start_recording(
    request: HttpRequest,
    vm_id: UUID,
    response: HttpResponse,
    data: RecordingRequest | None = None,
) -> Status[RecordingInfo]:
    """Record a console that is open, until it is stopped or all who look have left."""
    wanted = data or RecordingRequest()

    def make() -> tuple[int, RecordingInfo, str]:
        row = recordings.start(
            actor=actor_of(request), vm_id=vm_id, kind=wanted.kind, device=wanted.device
        )
        address = reverse("api:get_recording", kwargs={"recording_id": row.pk})
        return 202, represent(row), address

    return once(request, response, RecordingInfo, make)


@guests.get(
    "/{vm_id}/recording-policy",
    response=Policy,
    operation_id="get_recording_policy",
    summary="Read whether a guest is recorded",
)
def get_recording_policy(request: HttpRequest, vm_id: UUID, response: HttpResponse) -> Policy:
    """Say whether consoles of a guest are recorded: off, request or always."""
    return _tagged(selectors.vm(actor_of(request), vm_id), response)


def _policy(vm: VM) -> Policy:
    return Policy(policy=RecordingPolicy(vm.recording))


def _tagged(vm: VM, response: HttpResponse) -> Policy:
    response["ETag"] = tag_of(_policy(vm))
    return _policy(vm)


@guests.put(
    "/{vm_id}/recording-policy",
    response=Policy,
    operation_id="set_recording_policy",
    summary="Say whether a guest is recorded",
    openapi_extra=MATCH,
)
def set_recording_policy(
    request: HttpRequest, vm_id: UUID, data: Policy, response: HttpResponse
) -> Policy:
    """Have consoles of a guest recorded never, on request, or always; open ones follow."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_policy(selectors.vm(actor, vm_id))))
    vm = recordings.set_policy(actor=actor, vm_id=vm_id, policy=data.policy.value)
    return _tagged(vm, response)
