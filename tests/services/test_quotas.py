"""Quotas: what counts, which limit wins, what is refused with which words, and what comes back."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from vms import messages
from vms.hypervisor import domains
from vms.hypervisor.errors import HostTimeout, OperationFailed
from vms.hypervisor.types import Verb
from vms.models import VM, AuditEntry, Group, Job, Membership, Notice, Quota, Reservation, Volume
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import (
    disks,
    editing,
    hosts,
    jobs,
    machines,
    ownership,
    power,
    quota_rules,
    quotas,
    survey,
    usage,
    volumes,
)
from vms.services.quotas import Limits, Unlimited
from vms.services.usage import Resource

GIB = 1 << 30
SYSTEM = SystemActor()


@pytest.fixture
def students(alice, bob):
    """A group of alice and bob."""
    group = Group.objects.create(name="Students")
    for user in (alice, bob):
        Membership.objects.create(group=group, user=user)
    return group


def site(**limits):
    quota_rules.set_site(actor=SYSTEM, limits=Limits(**limits))


def of(user, **limits):
    quota_rules.set_user(actor=SYSTEM, user_id=user.pk, limits=Limits(**limits))


def of_group(group, **limits):
    quota_rules.set_group(actor=SYSTEM, group_id=group.pk, limits=Limits(**limits))


def refusal(make, field):
    with pytest.raises(Invalid) as caught:
        make()
    return messages.sentence(caught.value.fields[field])


def test_without_any_quota_nothing_is_refused(make_guest, alice):
    assert quotas.room(actor=Person(alice), owner=alice) == {}
    assert make_guest(alice, "web").state == "running"


def test_a_refusal_tells_whose_quota_the_limit_what_is_used_and_what_was_wanted(
    make_guest, alice, bob, students
):
    of_group(students, vcpus=8)
    make_guest(alice, "a", vcpus=5)
    make_guest(bob, "b", vcpus=2)
    said = refusal(lambda: make_guest(alice, "c", vcpus=2), "vcpus")
    assert said == ("Your group “Students” allows 8 vCPUs; 7 are in use and this guest wants 2.")
    assert not VM.objects.filter(name="c").exists()


@pytest.mark.parametrize(
    ("limits", "field", "said"),
    [
        ({"guests": 1}, "", "Your quota allows 1 guest; 1 is there already."),
        ({"running": 1}, "is_started", "Your quota allows 1 running guest; 1 is running already."),
        ({"vcpus": 1}, "vcpus", "Your quota allows 1 vCPU; 1 is in use and this guest wants 1."),
        (
            {"memory_mib": 200},
            "memory_mib",
            "Your quota allows 200 MiB of memory; 128 MiB are in use and this guest wants 128 MiB.",
        ),
        (
            {"disk_bytes": 3 * GIB // 2},
            "disk_bytes",
            "Your quota allows 1.5 GiB of disk; 1 GiB are in use and this guest wants 1 GiB.",
        ),
    ],
)
def test_each_resource_is_limited_at_its_own_field(make_guest, alice, limits, field, said):
    of(alice, **limits)
    make_guest(alice, "first")
    assert refusal(lambda: make_guest(alice, "second"), field).startswith(said)


def test_the_tightest_of_several_limits_wins_and_is_named(make_guest, alice, students):
    of(alice, vcpus=10)
    of_group(students, vcpus=2)
    make_guest(alice, "a")
    said = refusal(lambda: make_guest(alice, "b", vcpus=2), "vcpus")
    assert said.startswith("Your group “Students”")


def test_ones_own_quota_stands_in_place_of_the_sites(make_guest, alice, bob):
    site(guests=1)
    of(alice, guests=2)
    make_guest(alice, "a")
    make_guest(alice, "b")
    make_guest(bob, "a")
    assert refusal(lambda: make_guest(bob, "b"), "").startswith("The site's quota for you")


def test_unlimited_is_not_the_same_as_nothing_said(make_guest, alice, students):
    site(guests=1)
    of(alice, guests=Unlimited.UNLIMITED)
    make_guest(alice, "a")
    make_guest(alice, "b")
    of_group(students, guests=2)
    assert refusal(lambda: make_guest(alice, "c"), "").startswith("Your group")
    of(alice)
    assert not Quota.objects.filter(user=alice).exists()
    assert quotas.room(actor=Person(alice), owner=alice)[Resource.GUESTS].limit in (1, 2)


def test_a_guest_counts_on_or_off_whoever_made_it(make_guest, test_host, alice, admin):
    found = VM.objects.get(host=test_host, name="test")
    ownership.set_owner(actor=Person(admin), vm_id=found.pk, owner_id=alice.pk)
    used = usage.of_person(alice.pk)
    assert (used.guests, used.running, used.vcpus) == (1, 1, found.vcpus)
    site(running=1)
    with pytest.raises(Invalid):
        make_guest(alice, "web")
    vm = make_guest(alice, "web", is_started=False)
    with pytest.raises(Refused) as caught:
        power.perform(actor=Person(alice), vm_id=vm.pk, verb=Verb.START)
    assert caught.value.code == "quota-running"


def test_a_start_by_virsh_is_counted_though_nobody_could_refuse_it(make_guest, alice, test_host):
    site(running=1)
    make_guest(alice, "a")
    vm = make_guest(alice, "b", is_started=False)
    domains.power(hosts.connection(test_host), str(vm.domain_uuid), Verb.START)
    survey.all_domains(test_host)
    assert usage.of_person(alice.pk).running == 2
    assert quotas.room(actor=Person(alice), owner=alice)[Resource.RUNNING].left == 0


def test_the_disks_of_a_guest_are_its_volumes_virtual_sizes(make_guest, alice):
    vm = make_guest(alice, "web", disk_bytes=2 * GIB)
    assert vm.disk_bytes == 2 * GIB
    assert usage.of_person(alice.pk).disk_bytes == 2 * GIB


def test_what_a_guest_has_already_is_never_refused(make_guest, alice):
    vm = make_guest(alice, "web", vcpus=2, is_started=False)
    of(alice, vcpus=1, memory_mib=64, guests=0)
    actor = Person(alice)
    assert power.perform(actor=actor, vm_id=vm.pk, verb=Verb.START).vm.state == "running"
    power.perform(actor=actor, vm_id=vm.pk, verb=Verb.POWER_OFF)
    assert editing.change_config(actor=actor, vm_id=vm.pk, vcpus=1).vcpus == 1


def test_an_edit_that_wants_more_is_refused_at_its_field_and_changes_nothing(make_guest, alice):
    vm = make_guest(alice, "web", is_started=False)
    of(alice, vcpus=2, memory_mib=256)
    actor = Person(alice)

    def grow():
        editing.change_config(actor=actor, vm_id=vm.pk, vcpus=3)

    said = "Your quota allows 2 vCPUs; 1 is in use and this guest wants 2 more."
    assert refusal(grow, "vcpus") == said
    with pytest.raises(Invalid):
        editing.check(actor=actor, vm_id=vm.pk, vcpus=3)
    vm.refresh_from_db()
    assert vm.vcpus == 1
    assert editing.change_config(actor=actor, vm_id=vm.pk, vcpus=2, memory_mib=256).vcpus == 2
    assert not Reservation.objects.exists()


def test_an_administrator_who_starts_a_guest_takes_from_its_owners_quota(make_guest, alice, admin):
    vm = make_guest(alice, "web", is_started=False)
    of(alice, running=0)
    with pytest.raises(Refused) as caught:
        power.perform(actor=Person(admin), vm_id=vm.pk, verb=Verb.START)
    assert messages.sentence(caught.value).startswith("The quota of “alice”")


def test_a_guest_of_nobodys_is_bound_by_no_quota(test_host, admin):
    site(running=0)
    vm = VM.objects.get(host=test_host, name="test")
    actor = Person(admin)
    power.perform(actor=actor, vm_id=vm.pk, verb=Verb.POWER_OFF)
    assert power.perform(actor=actor, vm_id=vm.pk, verb=Verb.START).vm.state == "running"


def _request(alice, template):
    return machines.create(
        actor=Person(alice), request=machines.CreateRequest(template_id=template.pk)
    )


@pytest.mark.parametrize("end", ["cancelled", "failed", "interrupted"])
def test_what_was_reserved_comes_back_when_a_job_does_not_end_well(template, alice, end):
    of(alice, guests=1, running=1)
    _vm, job = _request(alice, template)
    assert usage.of_person(alice.pk).running == 1
    with pytest.raises(Invalid):
        _request(alice, template)
    if end == "cancelled":
        jobs.cancel(actor=Person(alice), job_id=job.pk)
    elif end == "failed":
        jobs.start(job.pk)
        jobs.finish(job.pk, RuntimeError())
    else:
        jobs.start(job.pk)
        jobs.recover_interrupted()
    assert usage.of_person(alice.pk) == usage.Amounts()
    _request(alice, template)


@pytest.mark.parametrize(
    ("error", "kept"), [(HostTimeout(timeout_s=1), 1), (OperationFailed(detail="no"), 0)]
)
def test_a_start_that_fails_gives_its_place_back_and_one_without_an_answer_keeps_it_for_a_while(
    make_guest, alice, monkeypatch, error, kept
):
    vm = make_guest(alice, "web", is_started=False)
    of(alice, running=1)

    def no(*_args, **_more):
        raise error

    with monkeypatch.context() as patched, suppress(OperationFailed):
        patched.setattr(domains, "power", no)
        power.perform(actor=Person(alice), vm_id=vm.pk, verb=Verb.START)
    assert usage.of_person(alice.pk).running == kept  # what had no answer may still happen
    later = timezone.now() + timedelta(seconds=quotas.HELD_S + 1)
    assert not usage.live_reservations(later).exists()


def test_a_refusal_is_audited_with_its_numbers(make_guest, alice):
    of(alice, guests=0)
    with pytest.raises(Invalid):
        make_guest(alice, "web")
    line = AuditEntry.objects.get(action="vm.create")
    assert (line.phase, line.target_name) == ("refused", "web")
    assert line.detail["code"] == "quota-guests"
    assert not Job.objects.exists()


def test_setting_a_quota_is_audited_and_for_administrators_only(admin, alice, mallory, students):
    actor = Person(admin)
    limits = Limits(vcpus=8, disk_bytes=Unlimited.UNLIMITED)
    quota_rules.set_group(actor=actor, group_id=students.pk, limits=limits)
    line = AuditEntry.objects.get(action="quota.set", phase="succeeded")
    assert (line.target_kind, line.target_name) == ("group", "Students")
    assert line.detail == {"vcpus": "8", "disk_bytes": "unlimited"}
    for user in (alice, mallory):
        with pytest.raises((Forbidden, NotFound)):
            quota_rules.set_group(actor=Person(user), group_id=students.pk, limits=limits)
        with pytest.raises((Forbidden, NotFound)):
            quota_rules.set_user(actor=Person(user), user_id=user.pk, limits=limits)
        with pytest.raises(Forbidden):
            quota_rules.set_site(actor=Person(user), limits=limits)


def test_members_see_their_groups_quota_and_strangers_do_not(alice, mallory, students):
    of_group(students, guests=5)
    line = quota_rules.of_group(actor=Person(alice), group_id=students.pk)
    assert (line.limits.guests, line.members) == (5, 2)
    for group_id in (students.pk, uuid.uuid4()):
        with pytest.raises(NotFound):
            quota_rules.of_group(actor=Person(mallory), group_id=group_id)


@pytest.mark.parametrize("value", [-1, -5, 2**31])
def test_a_limit_that_is_no_amount_is_refused_at_its_field(value):
    with pytest.raises(Invalid) as caught:
        site(vcpus=value)
    assert set(caught.value.fields) == {"vcpus"}


def test_lists_of_quotas_cost_the_same_however_many_there_are(
    admin, alice, make_guest, students, django_assert_max_num_queries
):
    make_guest(alice, "web")
    with django_assert_max_num_queries(8):
        lines = quota_rules.people(actor=Person(admin))
        groups = quota_rules.groups(actor=Person(admin))
    assert [vm.name for vm in VM.objects.filter(owner=alice)] == ["web"]
    assert {line.user.username: line.used.guests for line in lines}["alice"] == 1
    assert (groups[0].used.guests, groups[0].members) == (1, 2)


def test_a_disk_grows_within_the_quota_and_no_further(make_guest, alice):
    vm = make_guest(alice, "web", disk_bytes=2 * GIB, is_started=False)
    of(alice, disk_bytes=3 * GIB)

    def grow(size_bytes):
        disks.grow(actor=Person(alice), vm_id=vm.pk, target="vda", capacity_bytes=size_bytes)

    said = "Your quota allows 3 GiB of disk; 2 GiB are in use and this guest wants 2 GiB more."
    assert refusal(lambda: grow(4 * GIB), "capacity_bytes") == said
    assert usage.of_person(alice.pk).disk_bytes == 2 * GIB


def test_a_volume_that_is_a_guests_disk_grows_within_its_owners_quota(make_guest, alice, admin):
    vm = make_guest(alice, "web", disk_bytes=2 * GIB, is_started=False)
    volume = Volume.objects.get(name__contains=str(vm.domain_uuid))
    of(alice, disk_bytes=3 * GIB)

    def resize(size_bytes, **more):
        wish = {"volume_id": volume.pk, "capacity_bytes": size_bytes, **more}
        volumes.resize(actor=Person(admin), **wish)

    assert "alice" in refusal(lambda: resize(4 * GIB), "capacity_bytes")
    vm.refresh_from_db()
    assert vm.disk_bytes == usage.of_person(alice.pk).disk_bytes == 2 * GIB
    assert not usage.live_reservations(timezone.now()).exists()


def test_what_an_administrator_gives_is_not_refused_and_counts_from_then_on(
    make_guest, alice, admin
):
    vm = make_guest(admin, "given", is_started=False)
    of(alice, guests=0, vcpus=0)
    ownership.set_owner(actor=Person(admin), vm_id=vm.pk, owner_id=alice.pk)
    assert (usage.of_person(alice.pk).guests, usage.of_person(admin.pk).guests) == (1, 0)
    with pytest.raises(Invalid):
        editing.change_config(actor=Person(alice), vm_id=vm.pk, vcpus=vm.vcpus + 1)


def test_a_copy_of_a_volume_belongs_to_no_guest_and_takes_from_no_quota(image, admin):
    of(admin, guests=0, disk_bytes=0)
    volumes.clone(actor=Person(admin), volume_id=image.pk, name="copy.qcow2")
    assert usage.of_person(admin.pk).disk_bytes == 0


def test_a_guest_that_failed_to_be_made_is_asked_for_anew_and_not_repeated(template, alice):
    request = machines.CreateRequest(template_id=template.pk, name="web")
    _vm, job = machines.create(actor=Person(alice), request=request)
    Job.objects.filter(pk=job.pk).update(state="failed", undo=[])
    with pytest.raises(Refused, match="job-not-repeatable"):
        jobs.repeat(actor=Person(alice), job_id=job.pk)


def test_an_owner_is_told_once_when_nine_tenths_of_a_quota_are_used(make_guest, alice):
    of(alice, vcpus=10)
    make_guest(alice, "a", vcpus=8)
    assert not Notice.objects.exists()
    make_guest(alice, "b", vcpus=1)
    make_guest(alice, "c", vcpus=1)
    (notice,) = Notice.objects.all()
    assert (notice.user, notice.kind, notice.params["used"]) == (alice, "quota", "9")
