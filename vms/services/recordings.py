"""Recordings of consoles: whether a guest is recorded, asking for one, stopping and deleting it.

What is recorded is the device and not somebody's view of it, so that all who look share one.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import F

from vms import selectors
from vms.live import publish
from vms.models import VM, AuditPhase, Recording, RecordingPolicy
from vms.models.recording import OPEN_RECORDINGS
from vms.policy import Action, Actor, Person, can
from vms.problems import Invalid, Problem, Refused
from vms.services import audit, consoles, filming, recording_files, seats


def set_policy(*, actor: Actor, vm_id: selectors.Identifier, policy: str) -> VM:
    """Say whether consoles of a guest are recorded; open ones follow at once.

    Raises Invalid("recording").
    """
    vm = selectors.vm(actor, vm_id, Action.VM_SET_RECORDING)
    if policy not in RecordingPolicy.values:
        raise Invalid({"recording": Problem("recording-policy")})
    if vm.recording == policy:
        return vm
    trail = audit.Trail(
        actor, Action.VM_SET_RECORDING.value, audit.about(vm), detail={"recording": policy}
    )
    with transaction.atomic(), audit.audited(trail):
        VM.objects.filter(pk=vm.pk).update(recording=policy, revision=F("revision") + 1)
        vm.recording, vm.revision = policy, vm.revision + 1
        transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    return vm


def start(
    *, actor: Actor, vm_id: selectors.Identifier, kind: str = consoles.VNC, device: int = 0
) -> Recording:
    """Have what is open at a guest recorded from now on, until it is stopped or all have left.

    Raises Refused: no console of that kind is open, it is recorded already, or never to be.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_RECORD)
    if vm.recording == RecordingPolicy.OFF:
        raise Refused("recording-off")
    if not seats.alive().filter(vm=vm, kind=kind, device=device).exists():
        raise Refused("recording-nobody")
    person = actor.user if isinstance(actor, Person) else None
    try:
        with transaction.atomic():
            row = Recording.objects.create(
                vm=vm, vm_name=vm.name, kind=kind, device=device, by=person, by_name=actor.name
            )
            audit.write(filming.trail(actor, "recording.start", row), AuditPhase.SUCCEEDED)
            _tell(row)
    except IntegrityError:
        raise Refused("recording-already") from None
    return row


def stop(*, actor: Actor, recording_id: selectors.Identifier) -> Recording:
    """End a recording soon. Raises Refused: the guest is always recorded, or it has ended."""
    row = selectors.recording(actor, recording_id)
    if row.vm is None or not row.is_open:
        raise Refused("recording-ended")
    selectors.vm(actor, row.vm.pk, Action.VM_RECORD)
    if row.vm.recording == RecordingPolicy.ALWAYS:
        raise Refused("recording-always")
    with transaction.atomic():
        Recording.objects.filter(pk=row.pk).update(is_stop_wanted=True)
        audit.write(filming.trail(actor, "recording.stop", row), AuditPhase.SUCCEEDED)
        _tell(row)
    return row


def delete(*, actor: Actor, recording_id: selectors.Identifier) -> None:
    """Delete a recording and its file. Raises Refused while it runs."""
    row = selectors.recording(actor, recording_id, Action.RECORDING_DELETE)
    if row.is_open:
        raise Refused("recording-running")
    with audit.audited(filming.trail(actor, Action.RECORDING_DELETE.value, row)):
        recording_files.path_of(row.pk, row.kind).unlink(missing_ok=True)
        row.delete()


def can_look(actor: Actor, vm: VM) -> bool:
    """Say whether somebody may see recordings of a guest: its owners, and who sees all of them."""
    return can(actor, Action.VM_RECORD, vm) or can(actor, Action.RECORDING_VIEW)


def running(vm: VM) -> list[Recording]:
    """Return what is being recorded at a guest now."""
    rows = Recording.objects.filter(vm=vm, state__in=OPEN_RECORDINGS, is_stop_wanted=False)
    return list(rows.order_by("kind", "device"))


def _tell(row: Recording) -> None:
    vm_id = str(row.vm_id)
    transaction.on_commit(lambda: publish.consoles_changed(vm_id))
