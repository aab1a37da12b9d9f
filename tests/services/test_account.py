"""One's own account: name, SSH keys, tokens, sessions; and nobody else's."""

from __future__ import annotations

import base64
import struct
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from vms import selectors
from vms.live import publish
from vms.models import AuditEntry, SshKey
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound
from vms.services import account, ssh_keys, tokens

REAL = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a key"
"""GitHub's public host key: its fingerprint is published."""
PRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def key(number: int, comment: str = "me@desk") -> str:
    kind = b"ssh-ed25519"
    blob = struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + number.to_bytes(32, "big")
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}"


@pytest.fixture
def me(alice):
    return Person(alice)


@pytest.fixture
def stranger(mallory):
    return Person(mallory)


def test_a_token_of_an_unknown_scope_is_refused_at_its_field(alice):
    with pytest.raises(Invalid) as caught:
        tokens.create(actor=Person(alice), user=alice, name="a", scope="root")
    assert set(caught.value.fields) == {"scope"}


def test_fingerprint_is_the_one_that_ssh_keygen_shows():
    facts = ssh_keys.facts(REAL)
    assert (facts.kind, facts.fingerprint, facts.comment) == ("ssh-ed25519", PRINT, "a key")


def test_several_keys_are_added_at_once_and_known_ones_passed_over(me):
    text = f"# mine\n{key(1)}\n\n{key(2)}\n"
    assert len(account.add_ssh_keys(actor=me, text=text)) == 2
    assert len(account.add_ssh_keys(actor=me, text=f"{key(2, 'other')}\n{key(3)}")) == 1
    assert account.add_ssh_keys(actor=me, text=key(3)) == ()
    assert [row.line for row in selectors.ssh_keys(me)] == [key(1), key(2), key(3)]
    assert AuditEntry.objects.filter(action="account.add-ssh-keys", phase="succeeded").count() == 2


@pytest.mark.parametrize(("text", "code"), [("", "required"), ("hello", "ssh-key-rule")])
def test_what_is_no_key_is_refused_and_nothing_is_kept(me, text, code):
    with pytest.raises(Invalid) as caught:
        account.add_ssh_keys(actor=me, text=text and f"{key(1)}\n{text}")
    assert caught.value.fields["keys"].code == code
    assert not SshKey.objects.exists()


def test_an_account_keeps_so_many_keys_and_no_more(me, monkeypatch):
    monkeypatch.setattr(account, "MAX_KEYS", 2)
    account.add_ssh_keys(actor=me, text=key(1))
    with pytest.raises(Invalid) as caught:
        account.add_ssh_keys(actor=me, text=f"{key(2)}\n{key(3)}")
    assert caught.value.fields["keys"].code == "too-many-ssh-keys"


def test_two_people_may_have_the_same_key(me, stranger):
    account.add_ssh_keys(actor=me, text=key(1))
    assert len(account.add_ssh_keys(actor=stranger, text=key(1))) == 1


def test_mallory_sees_and_removes_no_key_of_alice_nor_does_the_administrator(me, stranger, admin):
    (kept,) = account.add_ssh_keys(actor=me, text=key(1))
    for actor in (stranger, Person(admin)):
        assert not selectors.ssh_keys(actor).exists()
        with pytest.raises(NotFound):
            account.remove_ssh_key(actor=actor, key_id=kept.pk)
    account.remove_ssh_key(actor=me, key_id=kept.pk)
    with pytest.raises(NotFound):
        account.remove_ssh_key(actor=me, key_id=kept.pk)


def test_name_is_changed_and_audited(me, alice):
    account.rename(actor=me, full_name="  Alice Liddell ")
    alice.refresh_from_db()
    assert alice.get_full_name() == "Alice Liddell"
    assert AuditEntry.objects.filter(action="account.rename", actor=alice).count() == 2


@pytest.mark.parametrize(("name", "code"), [("x" * 151, "name-too-long"), ("a\nb", "name-control")])
def test_a_wrong_name_is_refused(me, name, code):
    with pytest.raises(Invalid) as caught:
        account.rename(actor=me, full_name=name)
    assert caught.value.fields["full_name"].code == code


def test_nobody_but_an_active_person_has_an_account(alice):
    alice.is_active = False
    for actor in (Person(alice), SystemActor()):
        with pytest.raises(Forbidden):
            account.rename(actor=actor, full_name="x")
        with pytest.raises(Forbidden):
            account.sessions(actor=actor)


def test_a_token_works_until_its_last_moment(me, alice):
    soon = timezone.now() + timedelta(hours=1)
    token, secret = tokens.create(actor=me, user=alice, name="a", expires_at=soon)
    assert tokens.authenticate(secret) == token
    token.expires_at = timezone.now()
    token.save()
    assert tokens.authenticate(secret) is None


def test_a_token_that_would_be_dead_at_once_is_refused(me, alice):
    with pytest.raises(Invalid) as caught:
        tokens.create(actor=me, user=alice, name="a", expires_at=timezone.now())
    assert caught.value.fields["expires_at"].code == "token-expiry-past"


def test_an_account_has_so_many_tokens_and_no_more(me, alice, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_TOKENS", 1)
    token, _secret = tokens.create(actor=me, user=alice, name="a")
    with pytest.raises(Invalid) as caught:
        tokens.create(actor=me, user=alice, name="b")
    assert caught.value.fields["name"].code == "too-many-tokens"
    tokens.revoke(actor=me, token_id=token.pk)
    tokens.create(actor=me, user=alice, name="b")


def test_a_revoked_token_is_dead_at_once_and_its_sockets_hear_of_it(
    me, alice, monkeypatch, django_capture_on_commit_callbacks
):
    told: list[str] = []
    monkeypatch.setattr(publish, "rights_changed", told.append)
    token, secret = tokens.create(actor=me, user=alice, name="a")
    with django_capture_on_commit_callbacks(execute=True):
        tokens.revoke(actor=me, token_id=token.pk)
    assert tokens.authenticate(secret) is None
    assert not tokens.is_alive(token)
    assert told == [str(alice.pk)]
    assert not selectors.tokens(me).exists()
    with pytest.raises(NotFound):
        tokens.revoke(actor=me, token_id=token.pk)


def test_mallory_sees_and_revokes_no_token_of_alice(me, alice, stranger):
    token, secret = tokens.create(actor=me, user=alice, name="a")
    assert not selectors.tokens(stranger).exists()
    for pk in (token.pk, uuid.uuid4()):
        with pytest.raises(NotFound):
            tokens.revoke(actor=stranger, token_id=pk)
    with pytest.raises(Forbidden):
        tokens.create(actor=stranger, user=alice, name="mine")
    assert tokens.authenticate(secret)


def test_the_administrator_revokes_any_token_and_lists_his_own(me, alice, admin):
    token, _secret = tokens.create(actor=me, user=alice, name="a")
    assert not selectors.tokens(Person(admin)).exists()
    tokens.revoke(actor=Person(admin), token_id=token.pk)
    assert AuditEntry.objects.filter(action="token.revoke", target_name="alice").exists()


@pytest.fixture
def browsers(alice, mallory):
    """Two browsers of alice and one of mallory, logged in."""
    clients = [Client() for _each in range(3)]
    for client, user in zip(clients, (alice, alice, mallory), strict=True):
        client.force_login(user)
    return clients


def test_sessions_are_those_of_one_person_and_show_no_key(alice, browsers):
    here = browsers[0].session.session_key
    first, other = account.sessions(actor=Person(alice, session_key=here))
    assert (first.is_this, other.is_this) == (True, False)
    assert all(client.session.session_key not in repr((first, other)) for client in browsers)


def test_ending_the_others_leaves_this_one_and_other_people(alice, browsers):
    here = browsers[0].session.session_key
    assert account.end_other_sessions(actor=Person(alice, session_key=here)) == 1
    assert [c.get("/account/").status_code for c in browsers] == [200, 302, 200]
    assert account.end_other_sessions(actor=Person(alice, session_key=here)) == 0


def test_mallory_ends_no_session_of_alice(alice, browsers, stranger):
    (mark, *_more) = [each.mark for each in account.sessions(actor=Person(alice))]
    for each in (mark, "0" * 32):
        with pytest.raises(NotFound):
            account.end_session(actor=stranger, mark=each)
    account.end_session(actor=Person(alice), mark=mark)
    assert len(account.sessions(actor=Person(alice))) == 1
