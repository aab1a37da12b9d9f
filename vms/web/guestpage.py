"""What every page of one guest shows: its head, power verbs, tabs; and its history in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from vms import messages, storagewords
from vms.models import VM, AuditEntry, AuditPhase
from vms.policy import Action, Person, can
from vms.services import busy, power, recordings
from vms.web.consolepage import way_in
from vms.web.jobs import job_line
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
        "verbs": power.verb_states(guest),
        "job": job_line(job) if job else None,
        "icon": os_icon(guest.template.os_name if guest.template else guest.template_name),
        "sees_owner": can(actor, Action.VM_SET_OWNER, guest),
        "tab": tab,
        "subtabs": [
            SubTab(name, label, reverse(url, args=[guest.pk]))
            for name, url, label in (
                ("overview", "guest", _("Overview")),
                ("charts", "guest-charts", _("Charts")),
                ("console", "guest-console", _("Console")),
                ("recordings", "guest-recordings", _("Recordings")),
                ("settings", "guest-settings", _("Settings")),
                ("xml", "guest-xml", _("XML")),
                ("history", "guest-history", _("History")),
            )
            if name != "recordings" or recordings.can_look(actor, guest)
        ],
    }


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of the history; `outcome` is a phase of the audit trail."""

    at: datetime
    actor: str
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
        door=entry.door,
        text=messages.action_label(entry.action),
        outcome=entry.phase,
        outcome_label=messages.outcome_label(entry.phase),
        detail=messages.sentence_for(code, entry.detail.get("params")) if code else way_in(entry),
        command=entry.command,
    )
