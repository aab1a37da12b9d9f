"""One thing done to many guests: the single service for each, and what came of it for each.

Rights, refusals and the audit trail are those of the single services; nothing is all or nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vms import selectors
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.types import Verb
from vms.models import VM
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Invalid, Problem
from vms.services import deletion, power, tags

MAX_GUESTS = 200
MAX_SECONDS = 25.0
"""After so long no further guest is begun: a request must end before a proxy gives up on it."""


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class BulkVerb(StrEnum):
    """What can be done to many guests at once."""

    START = "start"
    SHUTDOWN = "shutdown"
    POWER_OFF = "power-off"
    PAUSE = "pause"
    RESUME = "resume"
    TAG = "tag"
    UNTAG = "untag"
    DELETE = "delete"


class Outcome(StrEnum):
    """What came of it for one guest."""

    DONE = "done"
    STARTED = "started"
    """It goes on by itself: a job, or a host that has not answered yet."""
    REFUSED = "refused"
    FAILED = "failed"
    NOT_TRIED = "not-tried"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do; `tags` belong to tag and untag, `has_disks` to delete: the guest's own disks go
    with it.
    """

    verb: BulkVerb
    tags: tuple[str, ...] = ()
    has_disks: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it for one guest; `problem` says why not. `name` is "" where it is not known."""

    vm_id: str
    name: str
    outcome: Outcome
    problem: Problem | HypervisorError | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A guest that something is about to be done to, and the disks that were made with it."""

    vm: VM
    disks: tuple[deletion.DeletableDisk, ...] = ()


def perform(*, actor: Actor, vm_ids: Sequence[str], wish: Wish) -> tuple[Result, ...]:
    """Do it to each guest in turn, and go on whatever comes of one.

    Raises Invalid("ids") for none or too many and Invalid("tags"); nothing is done then.
    """
    ids = _checked(vm_ids)
    tags.clean(wish.tags)
    if wish.verb in {BulkVerb.TAG, BulkVerb.UNTAG} and not wish.tags:
        raise Invalid({"tags": Problem("tag-blank")})
    rows = {str(vm.pk): vm.name for vm in _visible(actor, ids)}
    ends_at = time.monotonic() + MAX_SECONDS
    return tuple(_one(actor, pk, rows.get(pk, ""), wish, ends_at) for pk in ids)


def _checked(vm_ids: Sequence[str]) -> list[str]:
    ids = list(dict.fromkeys(vm_ids))
    if not ids:
        raise Invalid({"ids": Problem("bulk-nothing")})
    if len(ids) > MAX_GUESTS:
        raise Invalid({"ids": Problem("bulk-too-many", limit=MAX_GUESTS)})
    return ids


def _visible(actor: Actor, ids: Iterable[str]) -> list[VM]:
    """The guests among `ids` that the actor may see; what is no id is none."""
    return selectors.listed_vms(actor, [pk for pk in ids if _UUID.fullmatch(pk)])


def _one(actor: Actor, vm_id: str, name: str, wish: Wish, ends_at: float) -> Result:
    if time.monotonic() > ends_at:
        return Result(vm_id, name, Outcome.NOT_TRIED, Problem("bulk-late"))
    try:
        outcome = _ACTS[wish.verb](actor, vm_id, wish)
    except Invalid as problem:
        return Result(vm_id, name, Outcome.REFUSED, next(iter(problem.fields.values()), problem))
    except Problem as problem:
        return Result(vm_id, name, Outcome.REFUSED, problem)
    except HypervisorError as error:
        return Result(vm_id, name, Outcome.FAILED, error)
    return Result(vm_id, name, outcome)


def _power(actor: Actor, vm_id: str, wish: Wish) -> Outcome:
    done = power.perform(actor=actor, vm_id=vm_id, verb=_POWER[wish.verb])
    return Outcome.STARTED if done.is_still_running else Outcome.DONE


def _tag(actor: Actor, vm_id: str, wish: Wish) -> Outcome:
    tags.change(actor=actor, vm_id=vm_id, add=wish.tags)
    return Outcome.DONE


def _untag(actor: Actor, vm_id: str, wish: Wish) -> Outcome:
    tags.change(actor=actor, vm_id=vm_id, remove=wish.tags)
    return Outcome.DONE


def _delete(actor: Actor, vm_id: str, wish: Wish) -> Outcome:
    chosen: frozenset[str] = frozenset()
    if wish.has_disks:
        vm = selectors.vm(actor, vm_id, Action.VM_DELETE)
        chosen = frozenset(disk.target for disk in deletion.own_disks(actor=actor, vm=vm))
    deletion.delete(actor=actor, vm_id=vm_id, delete_disks=chosen)
    return Outcome.STARTED


def chosen(*, actor: Actor, vm_ids: Sequence[str], verb: BulkVerb) -> tuple[Chosen, ...]:
    """Name the guests that a verb is about to meet, and before a deletion each one's own disks.

    Guests that the actor may not see are left out, and those that he may not delete. Raises
    Invalid("ids"), and Forbidden where none is left.
    """
    found = _visible(actor, _checked(vm_ids))
    if verb is not BulkVerb.DELETE:
        return tuple(Chosen(vm) for vm in found)
    mine = [vm for vm in found if can(actor, Action.VM_DELETE, vm)]
    if found and not mine:
        raise Forbidden("forbidden", action=Action.VM_DELETE.value)
    guests = [selectors.vm(actor, vm.pk, Action.VM_DELETE) for vm in mine]
    return tuple(Chosen(vm, deletion.own_disks(actor=actor, vm=vm)) for vm in guests)


_POWER: dict[BulkVerb, Verb] = {
    BulkVerb.START: Verb.START,
    BulkVerb.SHUTDOWN: Verb.SHUTDOWN,
    BulkVerb.POWER_OFF: Verb.POWER_OFF,
    BulkVerb.PAUSE: Verb.PAUSE,
    BulkVerb.RESUME: Verb.RESUME,
}
_ACTS: dict[BulkVerb, Callable[[Actor, str, Wish], Outcome]] = {
    **dict.fromkeys(_POWER, _power),
    BulkVerb.TAG: _tag,
    BulkVerb.UNTAG: _untag,
    BulkVerb.DELETE: _delete,
}
