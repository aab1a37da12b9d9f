"""Leases: what a new guest gets, who may move its end, and what happens as it comes near."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from vms.hypervisor import domains
from vms.hypervisor.types import Verb
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, AuditEntry, Group, Job, Lease, LeaseRule, Membership, Notice, Volume
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import hosts, lease_watch, leases, power, survey
from vms.services.leases import Rule

SYSTEM = SystemActor()
DAY = timedelta(days=1)


@pytest.fixture
def students(alice):
    """A group of alice."""
    group = Group.objects.create(name="Students")
    Membership.objects.create(group=group, user=alice)
    return group


@pytest.fixture
def leased(make_guest, alice, students):
    """A running guest of alice that ends in thirty days and is deleted a week later."""
    rule = Rule(default_days=30, max_days=60, grace_days=7)
    leases.set_rule(actor=SYSTEM, group_id=students.pk, rule=rule)
    return make_guest(alice, "web")


def end_of(vm):
    return Lease.objects.get(vm=vm).expires_at


def run_at(vm, **from_end):
    """Let the worker look at a moment counted from the guest's end."""
    return lease_watch.run_due(end_of(vm) + timedelta(**from_end))


def test_without_a_rule_a_guest_has_no_end(make_guest, alice):
    vm = make_guest(alice, "web")
    assert leases.of(vm) is None
    assert lease_watch.run_due(timezone.now() + 1000 * DAY) == 0


def test_a_new_guest_gets_the_end_that_its_group_says(leased):
    left = end_of(leased) - timezone.now()
    assert timedelta(days=29, hours=23) < left <= 30 * DAY


def test_of_several_groups_the_tightest_rule_counts_and_without_any_the_sites(
    make_guest, alice, bob, students
):
    other = Group.objects.create(name="Lab")
    Membership.objects.create(group=other, user=alice)
    leases.set_rule(actor=SYSTEM, group_id=students.pk, rule=Rule(30, 60, 7))
    leases.set_rule(actor=SYSTEM, group_id=other.pk, rule=Rule(40, 50, 3))
    leases.set_rule(actor=SYSTEM, group_id=None, rule=Rule(5))
    assert leases.rule_for(alice) == Rule(30, 50, 3)
    assert leases.rule_for(bob) == Rule(5)


def test_the_domain_says_when_it_ends_and_a_lost_row_gets_that_back(leased, test_host, alice):
    link = hosts.connection(test_host)
    record = domains.get(link, str(leased.domain_uuid))
    metadata = parse_domain(record.xml).metadata
    assert metadata.lease.startswith(end_of(leased).strftime("%Y-%m-%dT%H:%M:%S"))
    end = end_of(leased)
    VM.objects.filter(pk=leased.pk).delete()
    survey.all_domains(test_host)
    assert end_of(leased.pk) == end
    assert VM.objects.get(pk=leased.pk).owner == alice


def test_the_owner_is_warned_seven_three_and_one_days_before_and_once_each(leased):
    assert run_at(leased, days=-8) == 0
    for days in (7, 3, 1):
        assert run_at(leased, days=-days) == 1
        assert run_at(leased, days=-days, minutes=5) == 0
    warned = AuditEntry.objects.filter(action="lease.warn").order_by("id")
    assert [line.detail["days before"] for line in warned] == [7, 3, 1]
    assert {line.role for line in warned} == {"system"}
    told = Notice.objects.filter(user=leased.owner, kind="lease-ends")
    assert [notice.params["name"] for notice in told] == ["web", "web", "web"]


def test_a_late_look_gives_one_warning_and_not_those_it_makes_pointless(leased):
    assert run_at(leased, hours=-20) == 1
    assert AuditEntry.objects.filter(action="lease.warn").count() == 1


def test_at_its_end_the_guest_is_shut_down_and_later_powered_off(leased):
    # The test driver shuts down at once; a guest that starts again is powered off.
    assert run_at(leased, minutes=1) == 1
    leased.refresh_from_db()
    assert leased.state == "off"
    assert run_at(leased, minutes=30) == 0
    audit = AuditEntry.objects.get(action="vm.shutdown", phase="succeeded")
    assert audit.role == "system"


def test_a_guest_that_does_not_shut_down_is_powered_off_ten_minutes_later(
    leased, test_host, monkeypatch
):
    real = domains.power

    def deaf(host, guest, verb, **more):
        if verb is not Verb.SHUTDOWN:
            real(host, guest, verb, **more)

    monkeypatch.setattr(domains, "power", deaf)
    run_at(leased, minutes=1)
    assert run_at(leased, minutes=5) == 0
    run_at(leased, minutes=12)
    leased.refresh_from_db()
    assert leased.state == "off"
    assert AuditEntry.objects.filter(action="vm.power-off", phase="succeeded").exists()


def test_a_guest_whose_end_has_come_cannot_be_started_until_it_is_moved(leased, alice):
    actor = Person(alice)
    power.perform(actor=actor, vm_id=leased.pk, verb=Verb.POWER_OFF)
    Lease.objects.filter(vm=leased).update(expires_at=timezone.now() - DAY)
    with pytest.raises(Refused) as caught:
        power.perform(actor=actor, vm_id=leased.pk, verb=Verb.START)
    assert caught.value.code == "lease-over"
    leases.set_end(actor=actor, vm_id=leased.pk, until=timezone.now() + 10 * DAY)
    assert power.perform(actor=actor, vm_id=leased.pk, verb=Verb.START).vm.state == "running"


def test_after_the_grace_period_the_guest_goes_with_its_own_disks(
    leased, test_host, django_capture_on_commit_callbacks
):
    disk = Volume.objects.get(name=f"{leased.pk}.qcow2")
    run_at(leased, minutes=1)
    assert run_at(leased, days=6) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert run_at(leased, days=7, minutes=1) == 1
    assert not VM.objects.filter(pk=leased.pk).exists()
    job = Job.objects.get(kind="delete-vm")
    assert (job.state, job.actor, job.params["volumes"]) == (
        "succeeded",
        None,
        [["default-pool", disk.name]],
    )
    line = AuditEntry.objects.filter(action="vm.delete").first()
    assert (line.role, line.target_name) == ("system", "web")


def test_an_end_moved_in_the_last_moment_saves_the_guest(leased, alice):
    lease = Lease.objects.select_related("vm", "vm__host").get(vm=leased)
    late = lease.deleted_at + DAY
    Lease.objects.filter(vm=leased).update(expires_at=late + 20 * DAY)
    assert not lease_watch._look_at(lease, late)
    assert VM.objects.filter(pk=leased.pk).exists()


def test_a_host_that_is_away_keeps_its_guests_until_it_is_back(leased, test_host):
    test_host.status = "away"
    test_host.save()
    assert run_at(leased, days=30) == 0
    test_host.status = "connected"
    test_host.save()
    assert run_at(leased, days=30) == 1


def test_owners_extend_within_what_their_group_allows(leased, alice):
    actor, now = Person(alice), timezone.now()
    leases.set_end(actor=actor, vm_id=leased.pk, until=now + 59 * DAY)
    assert end_of(leased) == now + 59 * DAY
    for until, code in (
        (now + 70 * DAY, "lease-too-far"),
        (now - DAY, "lease-past"),
        (None, "lease-needed"),
    ):
        with pytest.raises(Invalid) as caught:
            leases.set_end(actor=actor, vm_id=leased.pk, until=until)
        assert caught.value.fields["until"].code == code
    assert end_of(leased) == now + 59 * DAY


def test_an_administrator_may_take_the_end_away(leased, admin, test_host):
    leases.set_end(actor=Person(admin), vm_id=leased.pk, until=None)
    assert leases.of(leased) is None
    record = domains.get(hosts.connection(test_host), str(leased.domain_uuid))
    assert parse_domain(record.xml).metadata.lease == ""
    assert AuditEntry.objects.filter(action="vm.lease", phase="succeeded").exists()


def test_an_extended_guest_is_warned_anew(leased, alice):
    run_at(leased, days=-1)
    leases.set_end(actor=Person(alice), vm_id=leased.pk, until=timezone.now() + 50 * DAY)
    assert run_at(leased, days=-7) == 1


def test_a_guest_that_kvmweb_did_not_make_has_no_end_unless_asked(test_host, admin):
    leases.set_rule(actor=SYSTEM, group_id=None, rule=Rule(default_days=1))
    survey.all_domains(test_host)
    found = VM.objects.get(host=test_host, name="test")
    assert leases.of(found) is None
    leases.set_end(actor=Person(admin), vm_id=found.pk, until=timezone.now() + 5 * DAY)
    assert run_at(found, minutes=1) == 1
    found.refresh_from_db()
    assert found.state == "off"


def test_strangers_neither_move_an_end_nor_set_rules(leased, mallory, students):
    until = timezone.now() + DAY
    for vm_id in (leased.pk, uuid.uuid4()):
        with pytest.raises(NotFound):
            leases.set_end(actor=Person(mallory), vm_id=vm_id, until=until)
    with pytest.raises(Forbidden):
        leases.set_rule(actor=Person(mallory), group_id=students.pk, rule=Rule(1))
    assert LeaseRule.objects.get().default_days == 30


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (Rule(0), "default_days"),
        (Rule(None, -1), "max_days"),
        (Rule(10, 5), "default_days"),
        (Rule(None, None, -1), "grace_days"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(rule, field):
    with pytest.raises(Invalid) as caught:
        leases.set_rule(actor=SYSTEM, group_id=None, rule=rule)
    assert set(caught.value.fields) == {field}
