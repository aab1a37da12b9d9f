"""Power verbs: what a state allows, and doing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from vms import messages, selectors
from vms.hypervisor import domains
from vms.hypervisor.errors import HostTimeout
from vms.hypervisor.types import Verb, VmState
from vms.models import VM
from vms.policy import Action, Actor, can
from vms.problems import Invalid, NotFound, Refused
from vms.services import audit, busy, hosts, leases, quotas, sync, usage

_ALLOWED: dict[VmState, frozenset[Verb]] = {
    VmState.RUNNING: frozenset(
        {Verb.SHUTDOWN, Verb.REBOOT, Verb.RESET, Verb.POWER_OFF, Verb.PAUSE}
    ),
    VmState.PAUSED: frozenset({Verb.RESUME, Verb.RESET, Verb.POWER_OFF}),
    VmState.SHUTTING_DOWN: frozenset({Verb.RESET, Verb.POWER_OFF}),
    VmState.SUSPENDED: frozenset({Verb.POWER_OFF}),
    VmState.OFF: frozenset({Verb.START}),
    VmState.CRASHED: frozenset({Verb.RESET, Verb.POWER_OFF}),
    VmState.UNKNOWN: frozenset(),
}
_REASONS: dict[VmState, str] = {
    VmState.RUNNING: "already-running",
    VmState.PAUSED: "is-paused",
    VmState.SHUTTING_DOWN: "is-shutting-down",
    VmState.SUSPENDED: "is-suspended",
    VmState.OFF: "is-off",
    VmState.CRASHED: "has-crashed",
    VmState.UNKNOWN: "state-unknown",
}
_COMMANDS: dict[Verb, str] = {
    Verb.START: "start",
    Verb.SHUTDOWN: "shutdown",
    Verb.REBOOT: "reboot",
    Verb.RESET: "reset",
    Verb.POWER_OFF: "destroy",
    Verb.PAUSE: "suspend",
    Verb.RESUME: "resume",
}


@dataclass(frozen=True, slots=True)
class VerbState:
    """A verb as a menu shows it; `code` and `reason` are "" when it is allowed."""

    verb: Verb
    label: str
    is_allowed: bool
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class PowerOutcome:
    """`is_still_running` says that the host has not answered within the time limit."""

    vm: VM
    is_still_running: bool = False


def refusal(state: VmState, verb: Verb) -> str:
    """Return the code of why the state does not allow the verb, or ""."""
    if verb in _ALLOWED[state]:
        return ""
    if verb is Verb.RESUME and state in {VmState.RUNNING, VmState.SHUTTING_DOWN}:
        return "not-paused"
    return _REASONS[state]


def verb_states(*, actor: Actor, vm: VM) -> tuple[VerbState, ...]:
    """List every verb in menu order, with whether the actor's rights and the guest's last seen
    state allow it.
    """
    blocked = busy.blocker(vm) if can(actor, Action.VM_POWER, vm) else "needs-operator"
    return tuple(_verb_state(verb, blocked or refusal(vm.vm_state, verb)) for verb in Verb)


def _verb_state(verb: Verb, code: str) -> VerbState:
    reason = messages.sentence_for(code) if code else ""
    return VerbState(verb, messages.verb_label(verb), not code, code, reason)


def perform(*, actor: Actor, vm_id: selectors.Identifier, verb: Verb) -> PowerOutcome:
    """Do a power verb on a guest and wait for the host's answer, for a limited time.

    Raises NotFound, Forbidden, Refused (the state does not allow it: nothing was changed) and host
    errors.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_POWER)
    busy.require_free(vm)
    trail = audit.Trail(
        actor,
        f"vm.{verb.value}",
        audit.about(vm),
        command=f"virsh {_COMMANDS[verb]} {vm.domain_uuid}",
    )
    still_running = False
    with audit.audited(trail):
        try:
            _act(actor, vm, verb)
        except HostTimeout:
            still_running = True
    try:
        vm.refresh_from_db()
    except VM.DoesNotExist:  # it was deleted meanwhile
        raise NotFound("vm") from None
    return PowerOutcome(vm, still_running)


def _act(actor: Actor, vm: VM, verb: Verb) -> None:
    """Check against the state on the host, not the one last seen, then act and look again."""
    host, uuid = hosts.connection(vm.host), str(vm.domain_uuid)
    seen = domains.get(host, uuid)
    code = refusal(seen.state, verb)
    if code:
        sync.observe_domain(vm.host, seen)
        raise Refused(code)
    if verb is Verb.START:
        leases.require_going(vm)
    with _place(actor, vm, verb, seen.state):
        domains.power(host, uuid, verb)
        sync.observe_domain(vm.host, domains.get(host, uuid))


@contextmanager
def _place(actor: Actor, vm: VM, verb: Verb, state: VmState) -> Iterator[None]:
    """Hold a place among the running guests while one that had none gets going."""
    if state.is_active or verb not in {Verb.START, Verb.RESET}:
        yield
        return
    wanted = replace(usage.of_guest(vm), running=1)
    try:
        with quotas.held(actor=actor, vm=vm, wanted=wanted):
            yield
    except Invalid as problem:
        raise _as_refusal(problem) from None


def _as_refusal(problem: Invalid) -> Refused:
    """A verb has no fields: what would stand at one is the refusal itself."""
    first = next(iter(problem.fields.values()))
    return Refused(first.code, **first.params)
