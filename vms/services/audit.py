"""Write the audit trail: one row when something is asked for, one when it ended. Rows are never
changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vms import languages, standing
from vms.hypervisor.errors import HypervisorError
from vms.models import VM, AuditEntry, AuditPhase
from vms.policy import Actor, Person
from vms.problems import Invalid, Problem

Params = dict[str, str | int]
"""What fills the sentence of a code."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an action is about; the name is copied so that the line stays true."""

    kind: str
    id: str = ""
    name: str = ""
    vm: VM | None = field(default=None, repr=False, compare=False)
    """The guest, where it is about one: the line says as what the actor stood to it."""


@dataclass(frozen=True, slots=True)
class Trail:
    """An action that was asked for and whose outcome is still to be written."""

    actor: Actor
    action: str
    target: Target
    command: str = ""
    detail: dict[str, str | int | list[str]] = field(default_factory=dict)
    correlation: uuid.UUID = field(default_factory=uuid.uuid4)


def about(vm: VM) -> Target:
    """Name a guest as the target of an action."""
    return Target("vm", str(vm.pk), vm.name, vm)


def write(trail: Trail, phase: AuditPhase, **detail: str | int | Params) -> None:
    """Add one line to the trail."""
    actor = trail.actor
    user = actor.user if isinstance(actor, Person) and not actor.user._state.adding else None
    vm = trail.target.vm
    AuditEntry.objects.create(
        correlation=trail.correlation,
        phase=phase,
        action=trail.action,
        actor=user,
        actor_name=actor.name,
        role=actor.role if vm is None else standing.acting_as(actor, vm),
        door=actor.door.value,
        address=actor.address,
        target_kind=trail.target.kind,
        target_id=trail.target.id,
        target_name=trail.target.name[:200],
        detail=languages.for_keeping({**trail.detail, **detail}),
        command=trail.command[:500],
    )


def requested(trail: Trail) -> Trail:
    """Write that it was asked for, and give the trail back."""
    write(trail, AuditPhase.REQUESTED)
    return trail


def refused(trail: Trail, problem: Problem) -> None:
    """Write that it was not even tried."""
    if isinstance(problem, Invalid) and problem.fields:
        problem = next(iter(problem.fields.values()))
    write(trail, AuditPhase.REFUSED, code=problem.code, params=problem.params)


def ended(trail: Trail, error: Exception | None = None) -> None:
    """Write the outcome: what was asked for was done, or failed with that error."""
    if error is None:
        write(trail, AuditPhase.SUCCEEDED)
    elif isinstance(error, Problem):
        refused(trail, error)
    elif isinstance(error, HypervisorError):
        write(trail, AuditPhase.FAILED, code=error.code, params=dict(error.params))
    else:
        write(trail, AuditPhase.FAILED, code="internal")


@contextmanager
def audited(trail: Trail) -> Iterator[Trail]:
    """Write "requested" before the block and its outcome after it; errors pass through."""
    requested(trail)
    try:
        yield trail
    except (Problem, HypervisorError) as error:
        ended(trail, error)
        raise
    ended(trail)
