"""Closing an account: access ends at once, guests change hands where they can."""

from __future__ import annotations

import pytest

from vms.models import VM, ApiToken, AuditEntry, Ticket
from vms.policy import Person
from vms.problems import Invalid, NotFound, Refused
from vms.services import leaving, people, tokens

pytestmark = pytest.mark.django_db


def close(actor, user, heir=None) -> leaving.Departure:
    heir_id = heir.pk if heir else None
    return leaving.close_account(actor=Person(actor), user_id=user.pk, heir_id=heir_id)


def test_guests_go_to_the_heir_on_the_host_too_and_it_is_audited(admin, alice, bob, make_guest):
    guest = make_guest(alice, "web")
    departure = close(admin, alice, bob)
    guest.refresh_from_db()
    assert (guest.owner, departure.moved, departure.stayed) == (bob, 1, ())
    line = AuditEntry.objects.filter(action="vm.set-owner", phase="succeeded").first()
    assert (line.actor_name, line.detail["owner"]) == ("admin", "bob")


def test_without_an_heir_they_have_no_owner(admin, alice, make_guest):
    guest = make_guest(alice, "web")
    assert close(admin, alice).moved == 1
    assert VM.objects.get(pk=guest.pk).owner is None


def test_a_guest_that_cannot_change_hands_stays_and_says_why(admin, alice, bob, make_guest):
    make_guest(alice, "web")
    make_guest(alice, "db")
    make_guest(bob, "web")
    departure = close(admin, alice, bob)
    ((vm, why),) = [(each.vm.name, each.why.code) for each in departure.stayed]
    assert (vm, why, departure.moved) == ("web", "name-used", 1)


def test_tokens_and_tickets_end_for_ever(admin, alice, make_guest):
    guest = make_guest(alice, "web")
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="nightly")
    Ticket.objects.create(user=alice, vm=guest, secret_hash="x", expires_at="2999-01-01T00:00Z")
    close(admin, alice)
    people.reactivate(actor=Person(admin), user_id=alice.pk)
    assert tokens.authenticate(secret) is None
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert not Ticket.objects.exists()


def test_a_wrong_heir_closes_nothing(admin, alice, bob):
    people.deactivate(actor=Person(admin), user_id=bob.pk)
    for heir in (alice, bob):
        with pytest.raises(Invalid):
            close(admin, alice, heir)
    alice.refresh_from_db()
    assert alice.is_active


def test_nobody_closes_his_own(admin):
    with pytest.raises(Refused, match="yourself"):
        close(admin, admin)


def test_mallory_closes_no_account_and_gets_no_guest(mallory, alice, make_guest):
    guest = make_guest(alice, "web")
    with pytest.raises(NotFound):
        close(mallory, alice, mallory)
    guest.refresh_from_db()
    assert guest.owner == alice
