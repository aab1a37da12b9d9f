"""What every page of one guest shows: its head, power verbs, tabs; and its history in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from vms import messages
from vms.hypervisor.types import Verb
from vms.models import VM, AuditEntry, AuditPhase
from vms.policy import Action, Person, can
from vms.services import busy, power
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
        "state_label": messages.state_label(guest.state),
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
                ("settings", "guest-settings", _("Settings")),
                ("xml", "guest-xml", _("XML")),
                ("history", "guest-history", _("History")),
            )
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
        text=action_label(entry.action),
        outcome=entry.phase,
        outcome_label=_outcomes().get(entry.phase, entry.phase),
        detail=messages.sentence_for(code) if code else "",
        command=entry.command,
    )


def _outcomes() -> dict[str, str]:
    return {
        AuditPhase.REQUESTED.value: _("under way"),
        AuditPhase.SUCCEEDED.value: _("done"),
        AuditPhase.FAILED.value: _("failed"),
        AuditPhase.REFUSED.value: _("refused"),
    }


def action_label(action: str) -> str:
    """Word an action of the audit trail; one that is not known stands as it is."""
    verbs = {f"vm.{verb.value}": messages.verb_label(verb) for verb in Verb}
    others = {
        "vm.create": _("Created"),
        "vm.delete": _("Deleted"),
        "vm.edit": _("Settings changed"),
        "vm.describe": _("Description changed"),
        "vm.insert-iso": _("CD inserted"),
        "vm.eject-iso": _("CD ejected"),
        "vm.set-owner": _("Owner changed"),
        "console.open": _("Console opened"),
        "console.close": _("Console closed"),
    }
    return {**verbs, **others}.get(action, action)
