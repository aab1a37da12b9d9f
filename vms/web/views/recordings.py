"""Recordings of consoles: lists, the player, asking for one, stopping and deleting it."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from vms import selectors
from vms.models import RecordingPolicy
from vms.policy import Action, Person, can
from vms.problems import Forbidden
from vms.services import consoles, recordings, screenings
from vms.web.door import done, door
from vms.web.forms.problems import SHOWN, add_problems
from vms.web.forms.recordings import PolicyForm
from vms.web.guestpage import guest_context
from vms.web.recordingpage import clock, recording_rows
from vms.web.views.console import device_number

PER_PAGE = 50


@require_safe
@door
def everything(request: HttpRequest, actor: Person) -> HttpResponse:
    """Show all recordings that the person may replay."""
    pages = Paginator(selectors.recordings(actor), PER_PAGE)
    part = pages.get_page(request.GET.get("page"))
    context = {"rows": recording_rows(actor, part.object_list), "part": part}
    return render(request, "recordings/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@door
def of_guest(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Show the recordings of a guest, and whether it is recorded; change that."""
    guest = selectors.vm(actor, vm_id)
    if not recordings.can_look(actor, guest):
        raise Forbidden("forbidden", action=Action.RECORDING_VIEW.value)
    first = {"recording": guest.recording}
    form = PolicyForm(request.POST if request.method == "POST" else None, initial=first)
    if form.is_bound and form.is_valid():
        wanted = form.cleaned_data["recording"]
        try:
            recordings.set_policy(actor=actor, vm_id=vm_id, policy=wanted)
        except SHOWN as problem:
            add_problems(form, problem)
        else:
            return done(request, _("Saved."), reverse("guest-recordings", args=[vm_id]))
    rows = selectors.recordings(actor).filter(vm=guest)[:PER_PAGE]
    context = guest_context(actor, guest, "recordings") | {
        "rows": recording_rows(actor, rows),
        "policy_form": form,
        "can_set": can(actor, Action.VM_SET_RECORDING, guest),
        "is_never": guest.recording == RecordingPolicy.OFF,
    }
    return render(request, "guests/recordings.html", context, status=422 if form.errors else 200)


@require_POST
@door
def start(request: HttpRequest, actor: Person, vm_id: uuid.UUID) -> HttpResponse:
    """Begin to record a device that somebody looks at."""
    recordings.start(
        actor=actor,
        vm_id=vm_id,
        kind=request.POST.get("kind", consoles.VNC),
        device=device_number(request.POST.get("device", "0")),
    )
    return done(request, _("Recording."), reverse("guest-console", args=[vm_id]))


@require_POST
@door
def stop(request: HttpRequest, actor: Person, recording_id: uuid.UUID) -> HttpResponse:
    """End a recording."""
    recordings.stop(actor=actor, recording_id=recording_id)
    return done(request, _("The recording ends now."), reverse("recordings"))


@require_POST
@door
def delete(request: HttpRequest, actor: Person, recording_id: uuid.UUID) -> HttpResponse:
    """Delete a recording."""
    vm_id = selectors.recording(actor, recording_id).vm_id
    recordings.delete(actor=actor, recording_id=recording_id)
    url = reverse("guest-recordings", args=[vm_id]) if vm_id else reverse("recordings")
    return done(request, _("The recording is deleted."), url)


@require_safe
@door
def player(request: HttpRequest, actor: Person, recording_id: uuid.UUID) -> HttpResponse:
    """Show the player of one recording."""
    row = selectors.recording(actor, recording_id)
    context = {"line": recording_rows(actor, [row])[0], "total": clock(row.duration_ms)}
    return render(request, "recordings/player.html", context)


@require_POST
@door
def play(request: HttpRequest, actor: Person, recording_id: uuid.UUID) -> HttpResponse:
    """Begin to replay: tell the player what is in the file, and where its bytes are."""
    replay = screenings.play(actor=actor, recording_id=recording_id)
    found = replay.contents
    answer = {
        "kind": replay.recording.kind,
        "width": found.width,
        "height": found.height,
        "duration_ms": found.duration_ms,
        "size_bytes": found.size_bytes,
        "keys": found.keys,
        "file_url": _file_url(recording_id, replay.ticket),
    }
    return JsonResponse(answer)


@require_POST
@door
def download(request: HttpRequest, actor: Person, recording_id: uuid.UUID) -> HttpResponse:
    """Lead to the file, with a ticket for it."""
    ticket = screenings.take(actor=actor, recording_id=recording_id)
    return redirect(_file_url(recording_id, ticket))


def _file_url(recording_id: uuid.UUID, ticket: str) -> str:
    return f"{get_script_prefix()}recordings/{recording_id}/file?{urlencode({'ticket': ticket})}"
