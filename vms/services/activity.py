"""The audit trail for readers: one line for each thing that was wanted, with what came of it.

Nothing here changes a line; the only way out is old age.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from vms import messages, selectors
from vms.models import VM, AuditEntry, AuditPhase, Template, User
from vms.policy import Actor, SystemActor
from vms.selectors import AuditFilter
from vms.services import audit

PAGE = 50
_PER_QUERY = 500
_PER_DELETE = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "time",
    "person",
    "role",
    "door",
    "address",
    "action",
    "target_kind",
    "target",
    "target_id",
    "result",
    "reason",
    "command",
    "correlation",
)


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody wanted, and what came of it.

    `at` is when it ended, or when it was asked for while it is under way.
    """

    id: int
    at: datetime
    correlation: uuid.UUID
    person: str
    role: str
    door: str
    address: str
    action: str
    target_kind: str
    target_id: str
    target_name: str
    phase: AuditPhase
    code: str
    reason: str
    command: str
    has_target: bool

    @property
    def label(self) -> str:
        """The action in words."""
        return messages.action_label(self.action)


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines, newest first; `older` is the cursor of the part after it, None at the end."""

    lines: tuple[Line, ...]
    older: int | None


def page(
    *, actor: Actor, wanted: AuditFilter, before: int | None = None, limit: int = PAGE
) -> Part:
    """Return the newest lines, or those older than the line `before`. Raises Forbidden."""
    rows = selectors.audit(actor, wanted)
    return _page(rows, before, limit)


def _page(rows: QuerySet[AuditEntry], before: int | None, limit: int) -> Part:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: limit + 1])
    chosen = found[:limit]
    older = chosen[-1].pk if len(found) > limit else None
    return Part(tuple(_lines(chosen)), older)


def _lines(entries: list[AuditEntry]) -> Iterator[Line]:
    """Word outcomes; what only their requests say (address, command) is read in one query."""
    asked = {
        entry.correlation: entry
        for entry in AuditEntry.objects.filter(
            correlation__in=[entry.correlation for entry in entries], phase=AuditPhase.REQUESTED
        )
    }
    there = _targets(entries)
    for entry in entries:
        yield _line(entry, asked.get(entry.correlation, entry), there)


def _line(entry: AuditEntry, request: AuditEntry, there: frozenset[str]) -> Line:
    code = str(entry.detail.get("code", ""))
    return Line(
        id=entry.pk,
        at=entry.at,
        correlation=entry.correlation,
        person=entry.actor_name,
        role=request.role,
        door=request.door,
        address=entry.address or request.address,
        action=entry.action,
        target_kind=entry.target_kind,
        target_id=entry.target_id,
        target_name=entry.target_name or request.target_name,
        phase=AuditPhase(entry.phase),
        code=code,
        reason=messages.sentence_for(code, entry.detail.get("params")) if code else "",
        command=entry.command or request.command,
        has_target=entry.target_id in there,
    )


def _targets(entries: Iterable[AuditEntry]) -> frozenset[str]:
    """Return the ids of those targets that still exist: a query for each kind."""
    there: set[str] = set()
    for kind, model in (("vm", VM), ("template", Template), ("user", User)):
        ids = [_uuid(entry.target_id) for entry in entries if entry.target_kind == kind]
        rows = model.objects.filter(pk__in=[pk for pk in ids if pk]).values_list("pk", flat=True)
        there.update(str(pk) for pk in rows)
    return frozenset(there)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None  # a console was asked for with an address that was no id


def as_csv(*, actor: Actor, wanted: AuditFilter) -> Iterator[str]:
    """Give every line that passes the filter as CSV, some hundred at a time; times are UTC.

    Raises Forbidden at once, not at the first part.
    """
    rows = selectors.audit(actor, wanted)
    return _csv_parts(rows)


def _csv_parts(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    yield _csv([_COLUMNS])
    older: int | None = None
    while True:
        part = _page(rows, older, _PER_QUERY)
        yield _csv(_cells(line) for line in part.lines)
        older = part.older
        if older is None:
            return


def _csv(lines: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in line] for line in lines)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """Keep a spreadsheet from computing what somebody chose as a name."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        line.person,
        line.role,
        line.door,
        line.address,
        line.action,
        line.target_kind,
        line.target_name,
        line.target_id,
        line.phase.value,
        line.reason,
        line.command,
        str(line.correlation),
    )


def delete_old() -> int:
    """Delete lines older than KVMWEB_AUDIT_DAYS and say so in a line; return how many went.

    Whether Tiny Linux was ever offered is known from its line alone: that one stays.
    """
    if not settings.KVMWEB.audit_days:
        return 0
    limit = timezone.now() - timedelta(days=settings.KVMWEB.audit_days)
    old = AuditEntry.objects.filter(at__lt=limit)
    old = old.exclude(action="template.create", role=SystemActor().role)
    gone = 0
    while batch := list(old.order_by("at").values_list("pk", flat=True)[:_PER_DELETE]):
        gone += AuditEntry.objects.filter(pk__in=batch).delete()[0]
    if gone:
        target = audit.Target("audit")
        trail = audit.Trail(SystemActor(), "audit.expire", target, detail={"lines": gone})
        audit.write(trail, AuditPhase.SUCCEEDED)
    return gone
