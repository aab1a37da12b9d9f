"""The sentences: what a person reads for each code of vms/problems.py and hypervisor/errors.py.

One sentence in the reader's own terms, with a next step where there is one. Nothing else makes
sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from vms import (
    accounttexts,
    consolewords,
    imagewords,
    limitwords,
    sharewords,
    storagewords,
    templatewords,
)
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.types import AcceleratorReason, Verb, VmState
from vms.problems import Problem
from vms.words import (
    ACCELERATOR_REASONS,
    DOORS,
    OUTCOMES,
    RECORDING_ENDS,
    STATES,
    VERBS,
)

Text = str | Promise

SENTENCES: dict[str, Text] = {
    **accounttexts.SENTENCES,
    # of hosts
    "host-error": lazy("The host reported an error."),
    "host-away": lazy("The host is away. It is tried again by itself; nothing was changed."),
    "host-timeout": lazy(
        "The host did not answer within %(timeout_s)s seconds. It may still finish what was asked; "
        "look again in a moment."
    ),
    "storage-silent": lazy(
        "A storage pool of the host does not answer, its server or device may be gone, and libvirt "
        "says nothing about storage until it does. Guests that do not need it run on. Try again "
        "when it is back."
    ),
    "pool-silent": lazy(
        "The storage pool “%(name)s” does not answer; its server or device may be gone."
    ),
    "edit-under-way": lazy(
        "The same thing is being changed right now, and that has not ended yet. Try again in a "
        "moment."
    ),
    "host-busy": lazy("The host is busy with calls that do not end. Try again in a minute."),
    "domain-not-found": lazy("This guest is no longer on the host."),
    "pool-not-found": lazy("There is no storage pool “%(name)s” on the host."),
    "pool-inactive": lazy("The storage pool “%(name)s” is not started. Start it, then try again."),
    "volume-not-found": lazy("There is no volume “%(name)s” in the pool “%(pool)s”."),
    "volume-exists": lazy("The pool “%(pool)s” already has a volume “%(name)s”."),
    "network-not-found": lazy("There is no network “%(name)s” on the host."),
    "name-taken": lazy("Another guest on the host is called “%(name)s”."),
    "no-space": lazy("The storage pool “%(name)s” has too little space left."),
    "invalid-config": lazy("libvirt refused the definition: %(detail)s"),
    "wrong-state": lazy("The state of the guest does not allow this: %(detail)s"),
    "unsupported": lazy("This host or guest cannot do that (%(what)s)."),
    "operation-failed": lazy("The host could not do it: %(detail)s"),
    "cancelled": lazy("It was cancelled."),
    # of rights and things
    "not-found": lazy("There is no such thing here."),
    "forbidden": lazy("You may not do this."),
    "unauthorized": lazy("Log in first, or send a valid token."),
    "csrf": lazy("This did not come from a page of this site."),
    "invalid": lazy("Some fields need another look."),
    "host-not-connected": lazy("The host “%(name)s” is away; try again when it is back."),
    "internal": lazy("Something went wrong inside kvmweb; the log of the server says what."),
    # of power
    "already-running": lazy("The guest is already running."),
    "not-running": lazy("The guest is not running."),
    "is-off": lazy("The guest is off."),
    "is-paused": lazy("The guest is paused; resume it first."),
    "not-paused": lazy("The guest is not paused."),
    "is-suspended": lazy("The guest is asleep."),
    "is-shutting-down": lazy("The guest is shutting down."),
    "has-crashed": lazy("The guest has crashed; start it again or power it off."),
    "needs-operator": lazy("You may look at this guest, not use it."),
    "state-unknown": lazy("The state of the guest is not known while the host is away."),
    "is-being-made": lazy("The guest is still being made."),
    "job-under-way": lazy("Something else is being done with this guest; wait until it has ended."),
    "must-be-off": lazy("This can be changed only while the guest is off."),
    # of fields
    "required": lazy("This is needed."),
    "name-too-long": lazy("At most %(limit)s characters."),
    "name-blank": lazy("A name needs at least one character that is not a space."),
    "name-slash": lazy("A name cannot contain “/”."),
    "name-dots": lazy("A name cannot be “.” or “..”."),
    "name-control": lazy("A name cannot contain line breaks or other control characters."),
    "name-edges": lazy("A name cannot begin or end with a space."),
    "name-used": lazy("There is already a guest called “%(name)s” with this owner."),
    "too-small": lazy("At least %(limit)s."),
    "too-large": lazy("At most %(limit)s."),
    "memory-over-host": lazy("The host has %(limit)s MiB of memory in all."),
    "vcpus-over-host": lazy("The host has %(limit)s CPUs."),
    "disk-under-image": lazy("The image needs at least %(limit)s."),
    "disk-over-pool": lazy("The pool “%(pool)s” has only %(limit)s left."),
    "text-control": lazy("The text contains control characters that XML cannot carry."),
    "text-too-long": lazy("At most %(limit)s characters."),
    "user-rule": lazy(
        "A user name begins with a lower-case letter or “_” and holds only lower-case letters, "
        "digits, “-” and “_”, 32 at most."
    ),
    "user-needed": lazy("Say for which user the password or the SSH key is."),
    "user-reserved": lazy("“%(name)s” belongs to the system itself; choose another name."),
    "password-too-short": lazy("At least %(limit)s characters."),
    "password-control": lazy("A password cannot contain line breaks or other control characters."),
    "ssh-key-rule": lazy(
        "Line %(line)s is not a public SSH key. It should look like “ssh-ed25519 AAAA… name”."
    ),
    "no-cloud-init": lazy("This template does not take a user, password or SSH key."),
    "boot-unknown": lazy("“%(name)s” is not a device of this guest that can boot."),
    "unknown-template": lazy("There is no such template."),
    "unknown-image": lazy("There is no such image."),
    "unknown-owner": lazy("There is no such person, or the account is not active."),
    "unknown-network": lazy("There is no network “%(name)s” on this host."),
    "template-name-used": lazy("There is already a template called “%(name)s”."),
    # of templates
    "image-gone": lazy("Its image “%(name)s” is no longer in the pool “%(pool)s”."),
    "image-pool-inactive": lazy("The pool “%(pool)s” of its image is not started."),
    "image-in-use": lazy("This volume is the disk of a guest; copy it first."),
    "image-is-iso": lazy("An ISO cannot be the disk of a guest; choose a disk image."),
    "network-gone": lazy("Its network “%(name)s” is no longer on the host."),
    "network-inactive": lazy("Its network “%(name)s” is not started."),
    **templatewords.SENTENCES,
    "template-invalid": lazy("This template cannot be used: %(reason)s"),
    **imagewords.SENTENCES,
    # of disks
    "disk-not-in-pool": lazy("It is in no storage pool that kvmweb knows."),
    "disk-is-template": lazy("The template “%(name)s” is made from it."),
    "disk-is-shared": lazy("The guest “%(name)s” uses it too."),
    "disk-is-shared-elsewhere": lazy("Another guest uses it too."),
    "disk-is-medium": lazy("It is a CD; ejecting is enough."),
    "disk-is-backing": lazy("The volume “%(name)s” is based on it."),
    "unknown-disk": lazy("The guest has no disk “%(name)s” that could be deleted."),
    "disk-must-stay": lazy("The disk “%(name)s” must stay. %(reason)s"),
    **storagewords.SENTENCES,
    **sharewords.SENTENCES,
    **limitwords.SENTENCES,
    # of people
    "last-administrator": lazy("This is the last active administrator; name another one first."),
    "yourself": lazy("You cannot do this to your own account."),
    # of jobs
    "job-ended": lazy("This job has already ended."),
    "job-cancelled": lazy("Cancelled. What was half-made was removed."),
    "job-interrupted": lazy(
        "The server stopped in the middle of it. What was half-made was removed."
    ),
    "job-not-ended": lazy("This job is still under way."),
    "job-not-repeatable": lazy("This cannot be tried again from here; ask for it anew."),
    "job-clean-up-waits": lazy(
        "What this job left half-made is still being removed; try again in a minute."
    ),
    "job-too-late": lazy("This can no longer be cancelled."),
    # of the search box
    "search-field": lazy(
        "“%(name)s:” is not known and was left out. Known are %(fields)s; quotes around the text "
        "look for it as it is."
    ),
    "search-value": lazy("Say what after “%(name)s:”; it was left out."),
    "search-choice": lazy(
        "“%(field)s:%(name)s” is not known and was left out. Known are %(choices)s."
    ),
    "sort-unknown": lazy("This is no order of guests. Known are %(choices)s."),
    "search-too-long": lazy("At most %(limit)s characters are looked at; the rest was left out."),
    # of tags
    "tag-blank": lazy("A tag needs at least one character that is not a space."),
    "tag-too-long": lazy("A tag has at most %(limit)s characters."),
    "tag-rule": lazy(
        "A tag is one line without commas and quotes; “%(name)s” is not. Letters of any script, "
        "digits, spaces and other signs are fine."
    ),
    "tag-too-many": lazy("A guest has at most %(limit)s tags; remove one first."),
    # of many guests at once
    "bulk-nothing": lazy("No guest is chosen."),
    "bulk-too-many": lazy("At most %(limit)s guests at once; choose fewer."),
    "bulk-late": lazy("Not tried: the others took too long. Choose it again."),
    **consolewords.SENTENCES,
    # of recordings
    "recording-policy": lazy("Choose one of the three."),
    "recording-off": lazy("Consoles of this guest are never recorded."),
    "recording-nobody": lazy("No console of this kind is open at this guest."),
    "recording-already": lazy("It is being recorded already."),
    "recording-always": lazy("Consoles of this guest are always recorded."),
    "recording-ended": lazy("This recording has ended."),
    "recording-running": lazy("It is still being recorded; stop it first."),
    # of gateways
    "gateway-name-used": lazy("There is already a gateway called “%(name)s”."),
    "gateway-url": lazy("An address such as https://node1.example.org:6080, without a path."),
    "no-picture": lazy("There is no picture of this guest now."),
    "picture-unreadable": lazy("The picture of this guest could not be read."),
}

JOB_KINDS: dict[str, Text] = {
    "create-vm": lazy("Create guest"),
    "delete-vm": lazy("Delete guest"),
    **storagewords.JOB_KINDS,
    **templatewords.JOB_KINDS,
    **imagewords.JOB_KINDS,
}
"""What the work of a job is called; services/job_kinds.py says who does it."""

STEPS: dict[str, Text] = {
    "": lazy("waiting for its turn"),
    "check": lazy("checking template and space"),
    "disk": lazy("making the disk"),
    "seed": lazy("writing the cloud-init seed"),
    "define": lazy("defining the guest"),
    "start": lazy("starting the guest"),
    "stop": lazy("powering the guest off"),
    "undefine": lazy("removing the guest"),
    "disks": lazy("deleting its disks"),
    **storagewords.STEPS,
    **templatewords.STEPS,
    **imagewords.STEPS,
    "undo": lazy("removing what was half-made"),
    "done": lazy("done"),
}

ACTIONS: dict[str, Text] = {
    **accounttexts.ACTIONS,
    **{f"vm.{verb.value}": label for verb, label in VERBS.items()},
    "vm.create": lazy("Create guest"),
    "vm.delete": lazy("Delete guest"),
    "vm.edit": lazy("Change settings"),
    "vm.describe": lazy("Change description"),
    "vm.tag": lazy("Change tags"),
    **templatewords.ACTIONS,
    "vm.insert-iso": lazy("Insert CD"),
    "vm.eject-iso": lazy("Eject CD"),
    "vm.set-owner": lazy("Change owner"),
    "console.open": lazy("Open console"),
    "console.close": lazy("Close console"),
    "console.take-over": lazy("Take control of console"),
    "console.hand-over": lazy("Hand over control of console"),
    "console.alone": lazy("Keep others off the consoles"),
    "console.open-up": lazy("Let others at the consoles again"),
    "vm.set-recording": lazy("Change what is recorded"),
    "recording.start": lazy("Record console"),
    "recording.stop": lazy("Stop recording"),
    "recording.end": lazy("End of a recording"),
    "recording.view": lazy("Replay recording"),
    "recording.download": lazy("Download recording"),
    "recording.delete": lazy("Delete recording"),
    "recording.expire": lazy("Delete old recording"),
    "host.set-consoles": lazy("Change the way of consoles"),
    "gateway.create": lazy("Create gateway"),
    "gateway.revoke": lazy("Revoke gateway"),
    "link.create": lazy("Make link to console"),
    "link.open": lazy("Open link to console"),
    "link.revoke": lazy("Revoke link to console"),
    "job.cancel": lazy("Cancel job"),
    "vm.grow-disk": lazy("Grow disk"),
    **storagewords.ACTIONS,
    **imagewords.ACTIONS,
    "template.create": lazy("Create template"),
    "template.edit": lazy("Change template"),
    "template.delete": lazy("Delete template"),
    **sharewords.ACTIONS,
    **limitwords.ACTIONS,
    "audit.expire": lazy("Delete old activity"),
}
"""Every action that stands in the audit trail."""


def sentence_for(code: str, params: Mapping[str, str | int] | None = None) -> str:
    """Make the sentence of a code; an unknown code gives the sentence for internal errors."""
    text = str(SENTENCES.get(code) or SENTENCES["internal"]) % _Known(params or {})
    if missing := (params or {}).get("missing_bytes"):
        text += " " + _("About %(size)s more are needed.") % {"size": size(int(missing))}
    return text


def job_sentence(code: str, params: Mapping[str, str | int], step_code: str) -> str:
    """Make the sentence of a job that did not end well, with the step at which that was."""
    text = sentence_for(code, params)
    if code in {"job-cancelled", "job-interrupted"} or step_code not in STEPS or not step_code:
        return text
    return _("%(sentence)s (Step: %(step)s.)") % {"sentence": text, "step": step(step_code)}


class _Known(dict[str, str | int]):
    """Parameters of which one may be missing: a person then reads a gap, never a placeholder."""

    def __missing__(self, key: str) -> str:
        return "…"


def sentence(error: Problem | HypervisorError) -> str:
    """Make the sentence that a person reads for a refusal or a failure."""
    return sentence_for(error.code, error.params)


def job_kind(kind: str) -> str:
    """Name a kind of job."""
    return str(JOB_KINDS.get(kind, kind))


def step(code: str) -> str:
    """Name a step of a job."""
    return str(STEPS.get(code, code))


def verb_label(verb: Verb) -> str:
    """Name a power verb as on its button."""
    return str(VERBS[verb])


def state_label(state: VmState | str) -> str:
    """Name a state."""
    return str(STATES[VmState(state)])


def action_label(action: str) -> str:
    """Name an action of the audit trail; one that is not known stands as it is."""
    return str(ACTIONS.get(action, action))


def notice(kind: str, params: Mapping[str, object]) -> str:
    """Make the sentence of a notice; of a failed job, `code` and `why` give the reason."""
    words = {key: value for key, value in params.items() if isinstance(value, str | int)}
    if kind == "job-failed":
        why = params.get("why")
        known = why if isinstance(why, dict) else {}
        step_code = str(params.get("step", ""))
        reason = job_sentence(str(params.get("code", "")), known, step_code)
        words |= {"job": job_kind(str(params.get("kind", ""))), "why": reason}
    return str(accounttexts.NOTICES[kind][2]) % _Known(words)


def invitation_mail(url: str, until: datetime) -> tuple[str, str]:
    """Word the mail that carries an invitation: its subject and its text."""
    words = {"url": url, "until": timezone.localtime(until).strftime("%Y-%m-%d %H:%M %Z")}
    return _("You are invited to kvmweb"), accounttexts.INVITATION % words


def notice_subject(kind: str) -> str:
    """Give the subject of the mail about a notice."""
    return str(accounttexts.NOTICES[kind][1])


def notice_choice(kind: str) -> str:
    """Name a kind of notices where somebody chooses among them."""
    return str(accounttexts.NOTICES[kind][0])


def outcome_label(phase: str) -> str:
    """Name what came of an action."""
    return str(OUTCOMES.get(phase, phase))


def recording_end(reason: str) -> str:
    """Say why a recording ended; a host's own reason as its sentence."""
    return str(RECORDING_ENDS.get(reason) or sentence_for(reason))


def door_label(door: str) -> str:
    """Name the door through which somebody came."""
    return str(DOORS.get(door, door))


def accelerator_reason(code: str) -> str:
    """Explain why new guests use the accelerator that they use."""
    try:
        return str(ACCELERATOR_REASONS[AcceleratorReason(code)])
    except ValueError:
        return _("Not known yet.")


def size(size_bytes: int) -> str:
    """Write a size with the largest binary unit that keeps it above one, e.g. "1.5 GiB"."""
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if value == int(value) else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
