"""The last unit of a quota asked for twice at once: one gets it, the other reads the numbers."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from tests.races.conftest import at_once, refusals
from vms.hypervisor.types import Verb
from vms.models import VM, Group, Job, Membership
from vms.policy import Person, SystemActor
from vms.problems import Invalid, Refused
from vms.services import bulk, editing, machines, power, quota_rules, quotas, usage
from vms.services.quotas import Limits
from vms.services.usage import Amounts


def allow(**limits):
    """Set the quota of the site."""
    quota_rules.set_site(actor=SystemActor(), limits=Limits(**limits))


def create(owner, template, **more):
    request = machines.CreateRequest(template_id=template.pk, **more)
    return lambda: machines.create(actor=Person(owner), request=request)


@pytest.fixture
def students(alice, bob):
    """A group of alice and bob."""
    group = Group.objects.create(name="Students")
    for user in (alice, bob):
        Membership.objects.create(group=group, user=user)
    return group


def make_off(owner, template, count):
    """Make guests that are off, by their jobs."""
    from vms.worker import jobs

    for _ in range(count):
        _vm, job = create(owner, template, is_started=False)()
        jobs.run(job.pk)
    return list(VM.objects.filter(owner=owner))


def test_the_last_vcpu_asked_for_twice_is_given_once(template, alice):
    allow(vcpus=3)
    create(alice, template, vcpus=2)()
    results = at_once(*[create(alice, template, vcpus=1) for _ in range(3)])
    failed = refusals(results)
    assert [type(error) for error in failed] == [Invalid, Invalid]
    for error in failed:
        assert error.fields["vcpus"].params["used"].startswith("3")
    assert usage.of_person(alice.pk).vcpus == 3
    assert Job.objects.count() == 2


def test_members_of_a_group_asking_at_once_share_its_last_guest(template, alice, bob, students):
    quota_rules.set_group(actor=SystemActor(), group_id=students.pk, limits=Limits(guests=3))
    create(alice, template)()
    results = at_once(*[create(who, template) for who in (alice, bob, alice, bob)])
    assert len(refusals(results)) == 2
    assert {error.fields[""].code for error in refusals(results)} == {"quota-guests"}
    assert usage.of_group(students.pk).guests == 3


def test_two_guests_started_at_once_share_the_last_place(template, alice, test_host):
    first, second = make_off(alice, template, 2)
    allow(running=1)

    def start(vm):
        return lambda: power.perform(actor=Person(alice), vm_id=vm.pk, verb=Verb.START)

    failed = refusals(at_once(start(first), start(second)))
    assert [(type(error), error.code) for error in failed] == [(Refused, "quota-running")]
    assert VM.objects.filter(owner=alice, state="running").count() == 1
    assert not usage.live_reservations(timezone.now()).exists()


def test_two_bulk_starts_at_once_share_the_last_place(template, alice, test_host):
    guests = make_off(alice, template, 3)
    allow(running=2)
    ids = [str(vm.pk) for vm in guests]

    def start(order):
        wish = bulk.Wish(bulk.BulkVerb.START)
        return lambda: bulk.perform(actor=Person(alice), vm_ids=order, wish=wish)

    assert refusals(at_once(start(ids), start(ids[::-1]))) == []
    assert VM.objects.filter(owner=alice, state="running").count() == 2


def test_two_edits_at_once_share_the_last_vcpu(template, alice, test_host):
    first, second = make_off(alice, template, 2)
    allow(vcpus=3)

    def grow(vm):
        return lambda: editing.change_config(actor=Person(alice), vm_id=vm.pk, vcpus=2)

    failed = refusals(at_once(grow(first), grow(second)))
    assert [error.fields["vcpus"].code for error in failed] == ["quota-vcpus"]
    assert usage.of_person(alice.pk).vcpus == 3


def test_a_start_and_a_new_guest_at_once_share_the_last_place(template, alice, test_host):
    (off,) = make_off(alice, template, 1)
    allow(running=1)

    def start():
        return power.perform(actor=Person(alice), vm_id=off.pk, verb=Verb.START)

    failed = refusals(at_once(start, create(alice, template, is_started=True)))
    assert len(failed) == 1
    assert usage.of_person(alice.pk).running == 1


def test_disk_reserved_at_once_by_two_later_verbs_is_given_once(template, alice, test_host):
    gib = 1 << 30
    first, second = make_off(alice, template, 2)
    VM.objects.filter(owner=alice).update(disk_bytes=gib)
    allow(disk_bytes=3 * gib)

    def resize(vm):
        def act():
            with transaction.atomic():
                now = usage.of_guest(vm)
                wanted = Amounts(1, 0, now.vcpus, now.memory_mib, 2 * gib)
                quotas.reserve(actor=Person(alice), vm=vm, wanted=wanted)

        return act

    failed = refusals(at_once(resize(first), resize(second)))
    assert [error.fields["disk_bytes"].code for error in failed] == ["quota-disk-bytes"]
