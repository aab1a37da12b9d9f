"""Tastes of a person: which parts of the guest list, in which order, which ended jobs were seen.

No right depends on them and no audit speaks of them. What stands in the row is read defensively.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from vms import finder, selectors
from vms.models import Job, User
from vms.models.job import OPEN_STATES
from vms.policy import Person
from vms.problems import Invalid, Problem

COLUMNS = ("cpu", "memory", "disk", "network", "os", "owner", "address", "tags")
"""Parts of the guest list that can be hidden, in the order in which they stand there."""
JOBS_SHOWN = timedelta(hours=24)
"""How long a job that has ended is shown."""

Stored = dict[str, Any]  # Any: what JSON can hold


@dataclass(frozen=True, slots=True)
class Preferences:
    """What somebody likes; `order` is None while he has not chosen one."""

    hidden_columns: frozenset[str]
    order: finder.Order | None
    dismissed_jobs: frozenset[str]
    mail_kinds: frozenset[str] | None
    """Kinds of notices that he wants by mail too; None while he has not chosen: all."""


def of(user: User) -> Preferences:
    """Read what somebody likes."""
    stored = user.preferences if isinstance(user.preferences, dict) else {}
    return Preferences(
        hidden_columns=frozenset(_words(stored, "hidden_columns")) & frozenset(COLUMNS),
        order=finder.Order.read(str(stored.get("order", ""))),
        dismissed_jobs=frozenset(_words(stored, "dismissed_jobs")),
        mail_kinds=frozenset(_words(stored, "mail_kinds")) if "mail_kinds" in stored else None,
    )


def _words(stored: Stored, key: str) -> list[str]:
    value = stored.get(key)
    return [str(word) for word in value] if isinstance(value, list) else []


def hide_columns(*, actor: Person, hidden: Collection[str]) -> None:
    """Remember which parts of the guest list somebody does not want to see. Raises
    Invalid("columns").
    """
    if not set(hidden) <= set(COLUMNS):
        raise Invalid({"columns": Problem("not-found")})
    _store(actor, "hidden_columns", lambda _old: [name for name in COLUMNS if name in hidden])


def choose_order(*, actor: Person, order: finder.Order) -> None:
    """Remember the order of the guest list."""
    if of(actor.user).order != order:
        _store(actor, "order", lambda _old: str(order))


def choose_mails(*, actor: Person, kinds: Collection[str]) -> None:
    """Remember which kinds of notices somebody wants by mail."""
    _store(actor, "mail_kinds", lambda _old: sorted(kinds))


def dismiss_job(*, actor: Person, job_id: selectors.Identifier) -> None:
    """Put a job that has ended out of somebody's sight. Raises NotFound."""
    _dismiss(actor, [selectors.job(actor, job_id)])


def dismiss_jobs(*, actor: Person) -> None:
    """Put all jobs that have ended out of somebody's sight."""
    since = timezone.now() - JOBS_SHOWN
    _dismiss(actor, selectors.jobs(actor).filter(created_at__gte=since))


def _dismiss(actor: Person, jobs: Iterable[Job]) -> None:
    seen = {str(job.pk) for job in jobs if not job.is_open}
    since = timezone.now() - JOBS_SHOWN
    young = {
        str(pk)
        for pk in Job.objects.filter(created_at__gte=since)
        .exclude(state__in=OPEN_STATES)
        .values_list("pk", flat=True)
    }
    _store(actor, "dismissed_jobs", lambda old: sorted((set(old or ()) | seen) & young))


def _store(actor: Person, key: str, new: Callable[[Any], object]) -> None:  # Any: JSON
    """Change one taste and keep the others, also those that another tab stores meanwhile."""
    with transaction.atomic():
        row = User.objects.select_for_update().only("preferences").get(pk=actor.user.pk)
        stored = row.preferences if isinstance(row.preferences, dict) else {}
        row.preferences = {**stored, key: new(stored.get(key))}
        row.save(update_fields=["preferences"])
    actor.user.preferences = row.preferences
