"""What kinds of jobs there are. The service that does the work registers itself here.

A kind needs three things: a runner with `@runs("kind")`, its name in `messages.JOB_KINDS`, and a
word in `messages.STEPS` for each of its steps. What its steps note with `jobs.made` before making
it is removed by what is registered with `@undoes`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from vms.models import Job
from vms.policy import Actor

Run = Callable[[Job], None]
Again = Callable[[Actor, Job], Job]
"""Asks for the same once more, with every check of the first time, as the one who wants it."""
Undo = Callable[..., None]
"""Removes one thing; takes the values of its note, as texts, and is fine with one that is gone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`again` is None where a second try is not safe or lacks what was wiped at the first end."""

    run: Run
    again: Again | None = None


KINDS: dict[str, Kind] = {}
UNDOERS: dict[str, Undo] = {}


def runs(kind: str, *, again: Again | None = None) -> Callable[[Run], Run]:
    """Let the decorated function do the work of jobs of that kind."""

    def register(run: Run) -> Run:
        KINDS[kind] = Kind(run, again)
        return run

    return register


def undoes(note: str) -> Callable[[Undo], Undo]:
    """Let the decorated function remove what was noted under that word."""

    def register(undo: Undo) -> Undo:
        UNDOERS[note] = undo
        return undo

    return register


def kind_of(job: Job) -> Kind:
    """Return who runs the job. Raises KeyError for a kind that nobody registered."""
    _load()
    return KINDS[job.kind]


def undoer(note: str) -> Undo:
    """Return what removes things noted under that word. Raises KeyError."""
    _load()
    return UNDOERS[note]


def can_repeat(job: Job) -> bool:
    """Say whether a job that did not end well can be asked for once more."""
    _load()
    kind = KINDS.get(job.kind)
    return kind is not None and kind.again is not None and job.has_ended_badly and not job.undo


def all_kinds() -> tuple[str, ...]:
    """Name every kind, in alphabetical order."""
    _load()
    return tuple(sorted(KINDS))


@functools.cache
def _load() -> None:
    """Import every service, once, so that each has registered what it does."""
    package = importlib.import_module("vms.services")
    for module in pkgutil.iter_modules(package.__path__, "vms.services."):
        importlib.import_module(module.name)
