"""Accounts: who may change them, and what ends when they end."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.test import Client

from vms.live import publish
from vms.models import AuditEntry, Role, User
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import people, tokens

pytestmark = pytest.mark.django_db


def test_a_new_account_gets_a_password_that_works_once_told(admin):
    user, password = people.add(actor=Person(admin), username="dora")
    assert authenticate(username="dora", password=password) == user
    assert user.must_change_password
    assert user.role == Role.USER


def test_the_password_is_stored_nowhere_in_clear(admin):
    user, password = people.add(actor=Person(admin), username="dora")
    assert password not in user.password
    assert not AuditEntry.objects.filter(detail__icontains=password).exists()


@pytest.mark.parametrize("username", ["", "a b", "a/b", "x" * 151, "<b>"])
def test_a_user_name_outside_the_rule_is_refused_at_its_field(admin, username):
    with pytest.raises(Invalid) as caught:
        people.add(actor=Person(admin), username=username)
    assert caught.value.fields["username"].code == "username-rule"


def test_a_user_name_that_differs_only_in_case_is_refused(admin, alice):
    with pytest.raises(Invalid) as caught:
        people.add(actor=Person(admin), username="ALICE")
    assert caught.value.fields["username"].code == "username-used"


def test_mallory_can_do_nothing_with_accounts(mallory, alice):
    actor = Person(mallory)
    with pytest.raises(Forbidden):
        people.add(actor=actor, username="dora", role=Role.ADMINISTRATOR)
    for verb in (people.deactivate, people.reactivate, people.reset_password):
        with pytest.raises(NotFound):
            verb(actor=actor, user_id=alice.pk)
    with pytest.raises(NotFound):
        people.set_role(actor=actor, user_id=mallory.pk, role=Role.ADMINISTRATOR)
    mallory.refresh_from_db()
    assert mallory.role == Role.USER


def test_the_last_administrator_stays(admin):
    actor = SystemActor()
    with pytest.raises(Refused, match="last-administrator"):
        people.set_role(actor=actor, user_id=admin.pk, role=Role.USER)
    with pytest.raises(Refused, match="last-administrator"):
        people.deactivate(actor=actor, user_id=admin.pk)
    assert User.objects.get(pk=admin.pk).is_administrator


def test_nobody_deactivates_himself(admin):
    with pytest.raises(Refused, match="yourself"):
        people.deactivate(actor=Person(admin), user_id=admin.pk)


def test_deactivating_ends_sessions_and_tokens(admin, alice):
    client = Client()
    client.force_login(alice)
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="laptop")
    people.deactivate(actor=Person(admin), user_id=alice.pk)
    assert tokens.authenticate(secret) is None
    assert not client.session.get("_auth_user_id")


def test_resetting_a_password_ends_the_old_one_and_every_session(admin, alice):
    client = Client()
    client.force_login(alice)
    password = people.reset_password(actor=Person(admin), user_id=alice.pk)
    assert authenticate(username="alice", password="alice has a long one") is None
    assert authenticate(username="alice", password=password) == alice
    assert not client.session.get("_auth_user_id")


@pytest.mark.parametrize("verb", [people.reset_password, people.deactivate])
def test_sessions_have_ended_when_others_hear_of_it(
    admin, alice, verb, monkeypatch, django_capture_on_commit_callbacks
):
    """An open console looks again when it hears: it must not find the session alive still."""
    client = Client()
    client.force_login(alice)
    left: list[int] = []
    monkeypatch.setattr(publish, "rights_changed", lambda _id: left.append(Session.objects.count()))
    with django_capture_on_commit_callbacks(execute=True):
        verb(actor=Person(admin), user_id=alice.pk)
    assert left == [0]


def test_a_new_password_ends_every_other_session_of_the_same_person(alice, bob):
    here, elsewhere, his = Client(), Client(), Client()
    for client, user in ((here, alice), (elsewhere, alice), (his, bob)):
        client.force_login(user)
    people.password_changed(actor=Person(alice, session_key=here.session.session_key))
    assert Session.objects.filter(pk=here.session.session_key).exists()
    assert not elsewhere.session.get("_auth_user_id")
    assert his.session.get("_auth_user_id")


def test_a_token_is_kept_as_a_hash_and_dies_when_revoked(alice):
    token, secret = tokens.create(actor=Person(alice), user=alice, name="laptop")
    assert secret not in token.secret_hash
    assert tokens.authenticate(secret) == token
    assert tokens.authenticate(secret + "x") is None
    type(token).objects.update(revoked_at="2026-01-01T00:00:00Z")
    assert tokens.authenticate(secret) is None


def test_mallory_cannot_make_a_token_of_alice(mallory, alice):
    with pytest.raises(Forbidden):
        tokens.create(actor=Person(mallory), user=alice, name="stolen")


def test_every_change_of_an_account_is_audited_with_who_did_it(admin):
    user, _password = people.add(actor=Person(admin), username="dora")
    lines = AuditEntry.objects.filter(action="people.add", target_id=str(user.pk))
    assert [line.phase for line in lines] == ["succeeded", "requested"]
    assert {line.actor_name for line in lines} == {"admin"}
