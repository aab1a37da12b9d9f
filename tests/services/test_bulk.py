"""One thing done to many guests: a result for each, with the rights of each."""

from __future__ import annotations

import uuid

import pytest

from vms.hypervisor import domains
from vms.hypervisor.types import VmState
from vms.models import VM, AuditEntry, Volume
from vms.policy import Person
from vms.problems import Invalid
from vms.services import bulk, hosts
from vms.services.bulk import BulkVerb, Outcome, Wish


def act(actor, guests, verb, **wish):
    ids = [str(getattr(guest, "pk", guest)) for guest in guests]
    return bulk.perform(actor=Person(actor), vm_ids=ids, wish=Wish(verb, **wish))


def state_on_host(guest):
    return domains.get(hosts.connection(guest.host), str(guest.domain_uuid)).state


def test_each_guest_has_its_own_result_in_the_order_asked_for(make_guest, alice):
    running, off = make_guest(alice), make_guest(alice, is_started=False)
    results = act(alice, [off, running], BulkVerb.PAUSE)
    assert [(each.name, each.outcome) for each in results] == [
        (off.name, Outcome.REFUSED),
        (running.name, Outcome.DONE),
    ]
    assert results[0].problem.code == "is-off"
    assert state_on_host(running) is VmState.PAUSED
    assert state_on_host(off) is VmState.OFF


def test_every_power_verb_can_be_done_to_many(make_guest, alice):
    guests = [make_guest(alice), make_guest(alice)]
    for verb in (BulkVerb.PAUSE, BulkVerb.RESUME, BulkVerb.POWER_OFF, BulkVerb.START):
        assert {each.outcome for each in act(alice, guests, verb)} == {Outcome.DONE}, verb
    assert {state_on_host(guest) for guest in guests} == {VmState.RUNNING}


def test_tags_are_added_and_removed(make_guest, alice):
    guests = [make_guest(alice), make_guest(alice)]
    act(alice, guests, BulkVerb.TAG, tags=("a", "b"))
    act(alice, guests, BulkVerb.UNTAG, tags=("A",))
    assert [vm.tags for vm in VM.objects.filter(owner=alice)] == [["b"], ["b"]]


@pytest.mark.parametrize("has_disks", [True, False])
def test_deletion_takes_own_disks_or_none(
    make_guest, alice, has_disks, django_capture_on_commit_callbacks
):
    guest = make_guest(alice)
    (told,) = bulk.chosen(actor=Person(alice), vm_ids=[str(guest.pk)], verb=BulkVerb.DELETE)
    names = [disk.volume for disk in told.disks]
    assert len(names) == 1
    with django_capture_on_commit_callbacks(execute=True):
        (result,) = act(alice, [guest], BulkVerb.DELETE, has_disks=has_disks)
    assert result.outcome is Outcome.STARTED
    assert not VM.objects.filter(pk=guest.pk).exists()
    link = hosts.connection(guest.host)
    left = [v.name for v in volumes(link) if v.name in names]
    assert left == ([] if has_disks else names)


def volumes(link):
    from vms.hypervisor import storage

    return storage.list_volumes(link, "default-pool")


def test_a_base_image_never_goes_with_its_guests(
    make_guest, alice, image, django_capture_on_commit_callbacks
):
    guests = [make_guest(alice), make_guest(alice)]
    with django_capture_on_commit_callbacks(execute=True):
        act(alice, guests, BulkVerb.DELETE, has_disks=True)
    assert Volume.objects.filter(pk=image.pk).exists()
    assert image.name in [v.name for v in volumes(hosts.connection(image.pool.host))]


def test_mallory_gets_for_others_guests_what_he_gets_for_none(make_guest, alice, mallory):
    guest, own, unknown = make_guest(alice), make_guest(mallory), str(uuid.uuid4())
    results = act(mallory, [guest, unknown, "no-uuid", own], BulkVerb.POWER_OFF)
    assert [each.outcome for each in results] == [Outcome.REFUSED] * 3 + [Outcome.DONE]
    assert {(each.name, each.problem.code) for each in results[:3]} == {("", "not-found")}
    assert state_on_host(guest) is VmState.RUNNING
    told = bulk.chosen(actor=Person(mallory), vm_ids=[str(guest.pk)], verb=BulkVerb.DELETE)
    assert told == ()


def test_every_guest_has_its_own_lines_in_the_audit_trail(make_guest, alice):
    guests = [make_guest(alice), make_guest(alice)]
    act(alice, guests, BulkVerb.PAUSE)
    lines = AuditEntry.objects.filter(action="vm.pause", phase="succeeded")
    assert {line.target_id for line in lines} == {str(guest.pk) for guest in guests}


def test_none_and_too_many_are_refused_before_anything_is_done(alice):
    for ids in ([], [str(uuid.uuid4()) for _ in range(bulk.MAX_GUESTS + 1)]):
        with pytest.raises(Invalid) as refusal:
            act(alice, ids, BulkVerb.START)
        assert "ids" in refusal.value.fields


@pytest.mark.parametrize("tags", [(), ("a,b",), ("x" * 33,)])
def test_wrong_tags_are_refused_before_anything_is_done(make_guest, alice, tags):
    guest = make_guest(alice)
    with pytest.raises(Invalid) as refusal:
        act(alice, [guest], BulkVerb.TAG, tags=tags)
    assert "tags" in refusal.value.fields


def test_after_the_time_limit_no_further_guest_is_begun(make_guest, alice, monkeypatch):
    guests = [make_guest(alice), make_guest(alice)]
    monkeypatch.setattr(bulk, "MAX_SECONDS", -1)
    results = act(alice, guests, BulkVerb.PAUSE)
    assert [each.outcome for each in results] == [Outcome.NOT_TRIED] * 2
    assert {state_on_host(guest) for guest in guests} == {VmState.RUNNING}


def test_a_guest_named_twice_is_met_once(make_guest, alice):
    guest = make_guest(alice)
    assert len(act(alice, [guest, guest], BulkVerb.PAUSE)) == 1
