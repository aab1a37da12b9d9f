"""Power verbs: what each state allows, for whom, and that refusals change nothing."""

from __future__ import annotations

import pytest

from vms.hypervisor import domains
from vms.hypervisor.types import Verb, VmState
from vms.models import VM, AuditEntry
from vms.policy import Person, SystemActor
from vms.problems import NotFound, Refused
from vms.services import hosts, power

AFTER = {
    Verb.START: VmState.RUNNING,
    Verb.PAUSE: VmState.PAUSED,
    Verb.RESUME: VmState.RUNNING,
    Verb.POWER_OFF: VmState.OFF,
    Verb.SHUTDOWN: VmState.OFF,
    Verb.REBOOT: VmState.RUNNING,
}
"""What the test driver ends in; it knows no reset."""
REACH = {
    VmState.RUNNING: (),
    VmState.PAUSED: (Verb.PAUSE,),
    VmState.OFF: (Verb.POWER_OFF,),
}


@pytest.mark.parametrize("verb", list(AFTER))
@pytest.mark.parametrize("state", list(REACH))
def test_every_verb_in_every_state(make_guest, alice, test_host, state, verb):
    actor = Person(alice)
    vm = make_guest(alice, "web")
    for step in REACH[state]:
        power.perform(actor=actor, vm_id=vm.pk, verb=step)
    vm.refresh_from_db()
    assert vm.vm_state is state
    offered = {choice.verb: choice for choice in power.verb_states(actor=SystemActor(), vm=vm)}[
        verb
    ]
    link = hosts.connection(test_host)
    if offered.is_allowed:
        outcome = power.perform(actor=actor, vm_id=vm.pk, verb=verb)
        assert outcome.vm.vm_state is AFTER[verb]
    else:
        with pytest.raises(Refused) as caught:
            power.perform(actor=actor, vm_id=vm.pk, verb=verb)
        assert caught.value.code == offered.code
        assert offered.reason
    expected = AFTER[verb] if offered.is_allowed else state
    assert domains.get(link, str(vm.domain_uuid)).state is expected


def test_the_state_on_the_host_decides_not_the_one_last_seen(make_guest, alice, test_host):
    vm = make_guest(alice, "web")
    domains.destroy_if_active(hosts.connection(test_host), str(vm.domain_uuid))
    with pytest.raises(Refused, match="is-off"):
        power.perform(actor=Person(alice), vm_id=vm.pk, verb=Verb.PAUSE)
    assert VM.objects.get(pk=vm.pk).state == "off"


@pytest.mark.parametrize("verb", list(Verb))
def test_mallory_cannot_tell_a_guest_of_alice_from_none(make_guest, alice, mallory, verb):
    vm = make_guest(alice, "web")
    for pk in (vm.pk, "00000000-0000-4000-8000-000000000000", "nonsense"):
        with pytest.raises(NotFound) as caught:
            power.perform(actor=Person(mallory), vm_id=pk, verb=verb)
        assert caught.value.params == {"kind": "vm"}
    vm.refresh_from_db()
    assert vm.state == "running"


def test_an_administrator_may_act_and_is_audited_as_such(make_guest, alice, admin):
    vm = make_guest(alice, "web")
    power.perform(actor=Person(admin), vm_id=vm.pk, verb=Verb.PAUSE)
    lines = AuditEntry.objects.filter(action="vm.pause")
    assert [line.phase for line in lines] == ["succeeded", "requested"]
    assert {line.role for line in lines} == {"administrator"}
    assert lines[0].command == f"virsh suspend {vm.domain_uuid}"


def test_a_refused_verb_is_audited_as_refused(make_guest, alice):
    vm = make_guest(alice, "web")
    with pytest.raises(Refused):
        power.perform(actor=Person(alice), vm_id=vm.pk, verb=Verb.START)
    assert AuditEntry.objects.filter(action="vm.start").first().phase == "refused"


def test_no_verb_is_allowed_in_an_unknown_state():
    assert all(power.refusal(VmState.UNKNOWN, verb) for verb in Verb)
