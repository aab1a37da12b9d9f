"""Seats at consoles: who gets control, keeps it, loses it; who keeps others out; how many fit."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from vms.models import VM, AuditEntry, Host, Recording, Seat, Share
from vms.policy import Person
from vms.problems import Forbidden, NotFound, Refused
from vms.services import consoles, seats, thumbnails
from vms.services.table import Wish


@pytest.fixture
def vm(alice):
    """A guest of alice with a screen and a serial port."""
    host = Host.objects.create(name="h", uri="qemu:///system")
    xml = "<domain><devices><serial type='pty'/></devices></domain>"
    pk = uuid.uuid4()
    return VM.objects.create(
        pk=pk,
        domain_uuid=pk,
        host=host,
        name="web",
        owner=alice,
        state="running",
        has_vnc=True,
        xml=xml,
    )


@pytest.fixture
def sit(vm, bob, carol):
    """sit(user, **ticket) opens a console of alice's guest; bob operates it, carol watches."""
    Share.objects.create(vm=vm, user=bob, role="operator")
    Share.objects.create(vm=vm, user=carol, role="viewer")

    def open_one(user, guest=None, **wanted):
        client = Client()
        client.force_login(user)
        key = client.session.session_key
        actor = Person(user, session_key=key)
        guest = guest or vm
        issued = consoles.issue_ticket(actor=actor, vm_id=guest.pk, **wanted)
        grant = consoles.redeem(
            secret=issued.secret,
            vm_id=str(guest.pk),
            session_key=key,
            user_id=str(user.pk),
            has_trusted_origin=True,
            address="192.0.2.1",
        )
        seats.enter(grant=grant)
        return grant

    return open_one


def has(grant) -> bool:
    return seats.look(grant=grant).has_control


def wish(grant, kind: Wish, to=None) -> None:
    seats.act(grant=grant, wish=kind, to=to.ticket_id if to else "")


def test_the_first_has_control_and_the_next_watches(sit, alice, bob):
    first, second = sit(alice), sit(bob)
    assert has(first)
    assert not has(second)
    seen = seats.look(grant=second)
    assert [(one.name, one.has_control, one.is_mine) for one in seen.sitters] == [
        ("alice", True, False),
        ("bob", False, True),
    ]


def test_screen_and_serial_port_are_controlled_each_for_itself(sit, alice, bob):
    assert has(sit(alice))
    assert has(sit(bob, kind="serial"))


def test_who_only_wants_to_watch_leaves_control_to_others(sit, alice, bob):
    watching = sit(alice, claims=False)
    assert not has(watching)
    assert has(sit(bob))
    wish(watching, Wish.CLAIM)
    assert not has(watching)


def test_control_that_is_free_or_ones_own_can_be_claimed(sit, alice, bob):
    first, second = sit(alice), sit(alice)
    wish(second, Wish.CLAIM)
    assert has(second)
    assert not has(first)
    wish(second, Wish.RELEASE)
    third = sit(bob, claims=False)
    wish(third, Wish.CLAIM)
    assert has(third)


def test_somebody_asks_and_is_given_control(sit, alice, bob):
    holder, asker = sit(alice), sit(bob)
    wish(asker, Wish.ASK)
    assert seats.look(grant=holder).asked_at is not None
    wish(holder, Wish.GIVE, asker)
    assert has(asker)
    assert not has(holder)
    assert seats.look(grant=asker).asked_at is None
    line = AuditEntry.objects.get(action="console.hand-over")
    assert (line.actor_name, line.detail["other"]) == ("alice", "bob")


def test_somebody_asks_and_is_denied_or_thinks_again(sit, alice, bob):
    holder, asker = sit(alice), sit(bob)
    wish(asker, Wish.ASK)
    wish(holder, Wish.DENY, asker)
    assert seats.look(grant=holder).asked_at is None
    wish(asker, Wish.ASK)
    wish(asker, Wish.WITHDRAW)
    assert seats.look(grant=holder).asked_at is None
    assert has(holder)


def test_who_does_not_answer_loses_control_unless_he_uses_the_guest(sit, alice, bob):
    holder, asker = sit(alice), sit(bob)
    wish(asker, Wish.ASK)
    seats.answer_for_silence(grant=holder, is_idle=True)
    assert has(holder), "the time to answer is not over"

    def wait() -> None:
        wish(asker, Wish.ASK)
        long_ago = timezone.now() - timedelta(seconds=seats.ASK_S)
        Seat.objects.filter(pk=asker.ticket_id).update(asked_at=long_ago)

    wait()
    seats.answer_for_silence(grant=holder, is_idle=False)
    assert has(holder)
    assert seats.look(grant=holder).asked_at is None
    wait()
    seats.answer_for_silence(grant=holder, is_idle=True)
    assert has(asker)


def test_the_first_who_asked_gets_what_is_let_go(sit, alice, bob, admin):
    holder, first, second = sit(alice), sit(bob), sit(admin)
    wish(first, Wish.ASK)
    wish(second, Wish.ASK)
    seats.leave(grant=holder)
    assert has(first)
    assert seats.look(grant=first).asked_at is not None, "the second asks the new one"


def test_owner_and_administrator_take_over_and_an_operator_does_not(sit, alice, bob, admin):
    operator = sit(bob)
    owner = sit(alice)
    wish(owner, Wish.TAKE)
    assert has(owner)
    with pytest.raises(Refused, match="seat-right"):
        wish(operator, Wish.TAKE)
    boss = sit(admin)
    wish(boss, Wish.TAKE)
    assert has(boss)
    assert AuditEntry.objects.filter(action="console.take-over").count() == 2


@pytest.mark.parametrize("kind", [Wish.CLAIM, Wish.ASK, Wish.TAKE, Wish.ALONE])
def test_a_viewer_gets_no_control_in_any_way(sit, alice, carol, kind):
    holder, viewer = sit(alice), sit(carol, mode="view")
    with pytest.raises(Refused, match="seat-right"):
        wish(viewer, kind)
    wish(viewer, Wish.GIVE, viewer)
    wish(holder, Wish.GIVE, viewer)
    assert not has(viewer)
    assert has(holder)


@pytest.mark.parametrize("kind", [Wish.CLAIM, Wish.ASK, Wish.TAKE, Wish.ALONE])
def test_a_ticket_for_watching_never_becomes_more(sit, alice, kind):
    watching = sit(alice, mode="view")
    wish(watching, kind)
    assert not has(watching)


def test_nobody_gives_what_he_does_not_have(sit, alice, bob):
    holder, other = sit(alice), sit(bob)
    wish(other, Wish.GIVE, other)
    wish(other, Wish.DENY, holder)
    wish(other, Wish.RELEASE)
    assert has(holder)


def test_who_becomes_a_viewer_lets_go(sit, vm, alice, bob):
    mine = sit(bob)
    Share.objects.filter(user=bob).update(role="viewer")
    assert not has(mine)
    assert has(sit(alice))


def test_one_who_wants_to_be_alone_keeps_others_out_and_ends_their_consoles(sit, alice, bob, admin):
    watcher, mine = sit(admin), sit(alice)
    own = sit(alice, kind="serial")
    wish(mine, Wish.TAKE)
    wish(mine, Wish.ALONE)
    assert seats.look(grant=watcher).ending == "console-exclusive"
    assert seats.look(grant=own).ending == ""
    with pytest.raises(Refused, match="console-exclusive"):
        sit(bob)
    wish(mine, Wish.SHARE)
    assert seats.look(grant=watcher).ending == ""
    assert not has(sit(bob))


def test_no_small_picture_shows_the_screen_of_one_who_is_alone(sit, vm, alice, bob):
    mine = sit(alice)
    assert not seats.is_kept_from(actor=Person(bob), vm=vm)
    wish(mine, Wish.ALONE)
    assert seats.is_kept_from(actor=Person(bob), vm=vm)
    assert not seats.is_kept_from(actor=Person(alice), vm=vm)
    with pytest.raises(Refused, match="no-picture"):
        thumbnails.thumbnail(actor=Person(bob), vm_id=vm.pk)


def test_being_alone_ends_with_control_and_with_the_console(sit, alice, bob):
    mine = sit(alice)
    wish(mine, Wish.ALONE)
    wish(mine, Wish.RELEASE)
    assert not seats.look(grant=mine).is_alone
    wish(mine, Wish.CLAIM)
    wish(mine, Wish.ALONE)
    seats.leave(grant=mine)
    assert has(sit(bob))


def test_owner_and_administrator_let_others_in_again(sit, vm, alice, bob, mallory):
    theirs = sit(bob)
    wish(theirs, Wish.ALONE)
    with pytest.raises(Forbidden):
        seats.open_up(actor=Person(bob), vm_id=vm.pk)
    with pytest.raises(NotFound):
        seats.open_up(actor=Person(mallory), vm_id=vm.pk)
    seats.open_up(actor=Person(alice), vm_id=vm.pk)
    assert not has(sit(alice))


def test_a_seat_whose_process_died_is_nobodys(sit, alice, bob):
    dead = sit(alice)
    wish(dead, Wish.ALONE)
    Seat.objects.update(seen_at=timezone.now() - seats.DEAD_AFTER - timedelta(seconds=1))
    assert has(sit(bob))
    assert seats.look(grant=dead).ending == "seat-lost"


def test_control_is_one_whatever_a_process_believes(sit, alice, bob):
    sit(alice)
    other = sit(bob)
    with pytest.raises(IntegrityError):
        Seat.objects.filter(pk=other.ticket_id).update(has_control=True)


def test_everybody_at_the_device_is_told_that_it_is_recorded(sit, vm, alice, bob):
    first, second, other = sit(alice), sit(bob), sit(bob, kind="serial")

    def told(grant) -> object:
        return seats.words(seats.look(grant=grant), None)["recorded"]

    assert [told(each) for each in (first, second, other)] == [False, False, False]
    row = Recording.objects.create(vm=vm, vm_name="web", kind="vnc", state="running")
    assert [told(each) for each in (first, second, other)] == [True, True, False]
    Recording.objects.filter(pk=row.pk).update(state="ended")
    assert not told(first)


def test_looking_at_many_consoles_costs_as_many_queries_as_at_one(sit, alice, bob, carol):
    few = [sit(alice)]
    many = [*few, sit(alice), sit(alice, kind="serial"), sit(alice, mode="view")]
    counts = []
    for grants in (few, many):
        with CaptureQueriesContext(connection) as queries:
            found = seats.look_at_all(grants)
        assert [each.ending for each in found] == [""] * len(grants)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_each_of_many_consoles_is_judged_alone(sit, vm, alice, bob, carol):
    stays, leaves, watches = sit(alice), sit(bob), sit(carol, mode="view")
    Share.objects.filter(user=bob).delete()
    wish(stays, Wish.RELEASE)
    found = seats.look_at_all([stays, leaves, watches])
    assert [each.ending for each in found] == ["", "revoked", ""]
    assert [each.may_control for each in found] == [True, False, False]


@pytest.mark.django_db(transaction=True)
def test_many_who_take_control_at_once_leave_one_who_has_it(sit, alice):
    grants = [sit(alice) for _ in range(6)]
    errors: list[Exception] = []

    def grab(grant) -> None:
        try:
            for _ in range(5):
                wish(grant, Wish.TAKE)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=grab, args=[grant]) for grant in grants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Seat.objects.filter(has_control=True).count() == 1


@pytest.mark.parametrize("limit", ["console_max_per_user", "console_max_per_vm", "console_max"])
def test_one_console_too_many_is_refused_and_takes_nobodys_seat(sit, alice, settings, limit):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={limit: 2})
    grants = [sit(alice), sit(alice)]
    with pytest.raises(Refused, match="too-many-consoles"):
        sit(alice)
    assert Seat.objects.count() == 2
    seats.leave(grant=grants[0])
    sit(alice)


def test_mallory_learns_of_nobody(sit, vm, alice, mallory):
    sit(alice)
    assert seats.at(actor=Person(mallory), vm=vm) == []
    assert [one.name for one in seats.at(actor=Person(alice), vm=vm)] == ["alice"]
