"""Lines of the audit trail as the activity page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from vms import messages
from vms.models import AuditPhase, Role, VmRole
from vms.services.activity import Line

_PAGES = {"vm": "guest", "template": "template-history"}


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """A line with its words and where its target leads; `url` is "" where it is gone."""

    line: Line
    role: str
    door: str
    outcome: str
    is_good: bool
    is_bad: bool
    url: str


def activity_rows(lines: Iterable[Line]) -> list[ActivityRow]:
    """Word the lines."""
    roles = {value: str(label) for value, label in (*Role.choices, *VmRole.choices)}
    return [
        ActivityRow(
            line=line,
            role=roles.get(line.role, ""),
            door=messages.door_label(line.door),
            outcome=messages.outcome_label(line.phase),
            is_good=line.phase == AuditPhase.SUCCEEDED,
            is_bad=line.phase in {AuditPhase.FAILED, AuditPhase.REFUSED},
            url=_url(line),
        )
        for line in lines
    ]


def _url(line: Line) -> str:
    if not line.has_target:
        return ""
    if line.target_kind == "user":
        return reverse("people")
    return reverse(_PAGES[line.target_kind], args=[line.target_id])
