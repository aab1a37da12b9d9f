"""What every page of one guest shows: its head, power verbs, tabs; and its history in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from vms import messages, standing, storagewords
from vms.models import VM, AuditEntry, AuditPhase, Role, VmRole
from vms.policy import Action, Person, can
from vms.services import busy, power, recordings
from vms.web.consolepage import way_in
from vms.web.jobs import job_line
from vms.web.leaselooks import lease_look
from vms.web.rows import os_icon


@dataclass(frozen=True, slots=True)
class SubTab:
    """A tab of the guest page."""

    name: str
    label: str
    url: str


def guest_context(actor: Person, guest: VM, tab: str) -> dict[str, Any]:  # Any: a context
    """Give what the frame of a guest's pages needs."""
    job = busy.open_job(guest)
    return {
        "guest": guest,
        "state_label": storagewords.paused_label(
            messages.state_label(guest.state), guest.state, guest.state_reason
        ),
        "way_out": storagewords.way_out(guest.state, guest.state_reason),
        "verbs": power.verb_states(actor=actor, vm=guest),
        "rights": guest_rights(actor, guest),
        "my_role": _role_label(actor, guest),
        "job": job_line(job) if job else None,
        "icon": os_icon(guest.template.os_name if guest.template else guest.template_name),
        "sees_owner": can(actor, Action.VM_SET_OWNER, guest),
        "tab": tab,
        "lease": lease_look(guest),
        "subtabs": [
            SubTab(name, label, reverse(url, args=[guest.pk]))
            for name, url, label, action in _tabs()
            if can(actor, action, guest)
            and (name != "recordings" or recordings.can_look(actor, guest))
        ],
    }


def _tabs() -> tuple[tuple[str, str, str, Action], ...]:
    """The tabs of a guest, each with the right that it needs."""
    return (
        ("overview", "guest", _("Overview"), Action.VM_VIEW),
        ("charts", "guest-charts", _("Charts"), Action.VM_VIEW),
        ("console", "guest-console", _("Console"), Action.VM_CONSOLE_VIEW),
        ("recordings", "guest-recordings", _("Recordings"), Action.VM_VIEW),
        ("settings", "guest-settings", _("Settings"), Action.VM_MEDIA),
        ("sharing", "guest-sharing", _("Sharing"), Action.SHARE_VIEW),
        ("xml", "guest-xml", _("XML"), Action.VM_VIEW),
        ("history", "guest-history", _("Activity"), Action.VM_VIEW),
    )


@dataclass(frozen=True, slots=True)
class GuestRights:
    """What somebody may do to a guest, for buttons and menus."""

    can_edit: bool
    can_media: bool
    can_delete: bool
    can_share: bool


def guest_rights(actor: Person, guest: VM) -> GuestRights:
    """Ask for what the pages of a guest offer."""
    return GuestRights(
        can_edit=can(actor, Action.VM_EDIT, guest),
        can_media=can(actor, Action.VM_MEDIA, guest),
        can_delete=can(actor, Action.VM_DELETE, guest),
        can_share=can(actor, Action.VM_SHARE, guest),
    )


def _role_label(actor: Person, guest: VM) -> str:
    """Name what somebody is on a guest, in words."""
    return role_label(standing.acting_as(actor, guest))


def role_label(role: str) -> str:
    """Name a role on the site or on a guest; "" for that of the server itself."""
    labels = {str(value): str(label) for value, label in (*Role.choices, *VmRole.choices)}
    return labels.get(role, "")


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of the history; `outcome` is a phase of the audit trail."""

    at: datetime
    actor: str
    role: str
    """As what: on the guest, or on the site."""
    door: str
    text: str
    outcome: str
    outcome_label: str
    detail: str
    command: str


def history_lines(entries: Iterable[AuditEntry]) -> list[HistoryLine]:
    """Word the audit trail, newest first; a request whose outcome is known is left out."""
    lines, ended = [], set()
    for entry in entries:
        if entry.phase == AuditPhase.REQUESTED and entry.correlation in ended:
            continue
        ended.add(entry.correlation)
        lines.append(_line(entry))
    return lines


def _line(entry: AuditEntry) -> HistoryLine:
    code = entry.detail.get("code", "")
    return HistoryLine(
        at=entry.at,
        actor=entry.actor_name,
        role=role_label(entry.role),
        door=entry.door,
        text=messages.action_label(entry.action),
        outcome=entry.phase,
        outcome_label=messages.outcome_label(entry.phase),
        detail=messages.sentence_for(code, entry.detail.get("params")) if code else way_in(entry),
        command=entry.command,
    )
