"""Accounts from lists, by invitation, and by registering."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.utils import timezone

from vms.models import AuditEntry, Group, Invitation, Membership, Role, User
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound, Refused, TooMany
from vms.services import invitations, limits, notices, people, registration, rosters
from vms.services.limits import Limit

pytestmark = pytest.mark.django_db

HERE = "192.0.2.1"
GOOD = "correct horse battery"


@pytest.fixture
def lab(db) -> Group:
    return Group.objects.create(name="Lab")


@pytest.fixture
def open_doors(settings):
    """A site where strangers of two domains may register."""
    more = {"registration": True, "registration_domains": ["example.org", "example.net"]}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)


def test_a_list_is_read_with_any_usual_separator_and_makes_all_with_groups(admin, lab):
    for sign in ",;\t":
        User.objects.exclude(pk=admin.pk).delete()
        rows = ["Username,Full name,Role,Group", "dora,Dora <b>,author,lab", "", "emil,,,", ""]
        text = "\ufeff" + "\r\n".join(rows).replace(",", sign)
        made = rosters.add_all(actor=Person(admin), text=text)
        assert [each.username for each in made] == ["dora", "emil"]
        dora, emil = (User.objects.get(username=name) for name in ("dora", "emil"))
        assert (dora.role, dora.first_name, emil.role) == (Role.AUTHOR, "Dora <b>", Role.USER)
        assert Membership.objects.filter(group=lab, user=dora).exists()
        assert authenticate(username="dora", password=made[0].password) == dora
        assert dora.must_change_password


def test_every_wrong_line_says_in_which_column_and_nobody_is_made(admin, alice, lab):
    text = (
        "username,email,role,group\n"
        "a b,,,\n"
        "ALICE,,,\n"
        "dora,nobody,king,nowhere\n"
        "emil,,,\n"
        "Emil,,,\n"
        "fred,,,,too much\n"
    )
    lines = rosters.check(actor=Person(admin), text=text)
    found = [
        (line.number, {key: each.code for key, each in line.problems.items()}) for line in lines
    ]
    assert found == [
        (2, {"username": "username-rule"}),
        (3, {"username": "username-used"}),
        (4, {"email": "email-rule", "role": "role-unknown", "group": "group-unknown"}),
        (5, {}),
        (6, {"username": "roster-twice"}),
        (7, {"extra": "roster-extra"}),
    ]
    with pytest.raises(Invalid):
        rosters.add_all(actor=Person(admin), text=text)
    assert User.objects.count() == 2


def test_a_name_taken_in_the_middle_of_it_leaves_nobody_half_made(admin, monkeypatch):
    """Between the check and the writing somebody may take the last name."""
    monkeypatch.setattr(people, "errors", lambda _new: {})
    with pytest.raises(Invalid):
        rosters.add_all(actor=Person(admin), text="username\ndora\nadmin\n")
    assert list(User.objects.values_list("username", flat=True)) == ["admin"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "roster-empty"),
        ("username\n", "roster-empty"),
        ("name,role\ndora,user", "roster-columns"),
        ("username,username\na,b", "roster-columns"),
        ("username,password\ndora,x", "roster-columns"),
        ("username\n" + "x\n" * 201, "roster-too-long"),
        ("username\n\0", "roster-unreadable"),
        ("x" * 100_001, "roster-unreadable"),
    ],
)
def test_what_is_no_list_is_refused(admin, text, code):
    with pytest.raises(Invalid) as caught:
        rosters.check(actor=Person(admin), text=text)
    assert caught.value.fields["text"].code == code


def test_an_invitation_makes_one_account_with_role_and_group(admin, lab):
    actor = Person(admin)
    invitation, secret = invitations.invite(
        actor=actor, role=Role.AUTHOR, group_id=lab.pk, email="dora@example.org"
    )
    assert secret not in invitation.secret_hash
    user = invitations.accept(secret=secret, address=HERE, username="dora", password=GOOD)
    assert (user.role, user.email) == (Role.AUTHOR, "dora@example.org")
    assert authenticate(username="dora", password=GOOD) == user
    assert Membership.objects.filter(group=lab, user=user).exists()
    with pytest.raises(NotFound):
        invitations.accept(secret=secret, address=HERE, username="emil", password=GOOD)
    line = AuditEntry.objects.filter(action="people.join", phase="succeeded").get()
    assert (line.actor_name, line.target_name, line.address) == ("invitation", "dora", HERE)
    assert not AuditEntry.objects.filter(detail__icontains=secret).exists()


def test_two_who_open_a_link_at_once_make_one_account(admin, monkeypatch):
    _invitation, secret = invitations.invite(actor=Person(admin))
    found = invitations.find(secret=secret, address=HERE)
    invitations.accept(secret=secret, address=HERE, username="dora", password=GOOD)
    monkeypatch.setattr(invitations, "find", lambda **_: found)
    with pytest.raises(NotFound):
        invitations.accept(secret=secret, address=HERE, username="emil", password=GOOD)
    assert not User.objects.filter(username="emil").exists()


def test_a_wrong_choice_leaves_the_invitation_open(admin):
    _invitation, secret = invitations.invite(actor=Person(admin))
    with pytest.raises(Invalid) as caught:
        invitations.accept(secret=secret, address=HERE, username="admin", password="short")
    assert set(caught.value.fields) == {"username", "password"}
    assert invitations.find(secret=secret, address=HERE)


def test_a_link_ends_by_its_day_or_when_it_is_revoked(admin):
    actor = Person(admin)
    late, secret = invitations.invite(actor=actor)
    Invitation.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    gone, other = invitations.invite(actor=actor)
    assert [each.pk for each in invitations.open_ones(actor=actor)] == [gone.pk]
    invitations.revoke(actor=actor, invitation_id=gone.pk)
    for each in (secret, other):
        with pytest.raises(NotFound):
            invitations.find(secret=each, address=HERE)


def test_whoever_guesses_links_has_to_wait(db, monkeypatch):
    monkeypatch.setattr(limits, "INVITATIONS", Limit("invitation", 3, 10**9))
    for _ in range(3):
        with pytest.raises(NotFound):
            invitations.find(secret="guess", address=HERE)
    with pytest.raises(TooMany):
        invitations.find(secret="guess", address=HERE)


@pytest.mark.parametrize(
    ("field", "value"), [("role", "king"), ("email", "x"), ("days", 0), ("days", 91)]
)
def test_a_wrong_invitation_is_refused_at_its_field(admin, field, value):
    with pytest.raises(Invalid) as caught:
        invitations.invite(actor=Person(admin), **{field: value})
    assert field in caught.value.fields


def test_the_link_is_mailed(admin, postbox):
    invitation, _secret = invitations.invite(actor=Person(admin), email="dora@example.org")
    invitations.send(invitation=invitation, url="https://x/join/abc/")
    assert postbox.recipients == ["dora@example.org"]
    assert "https://x/join/abc/" in postbox.mails[0].get_content()


def test_nobody_registers_unless_the_operator_allows_it(db):
    with pytest.raises(NotFound):
        registration.register(address=HERE, username="dora", password=GOOD)


def test_whoever_registers_waits_until_he_is_let_in(admin, open_doors):
    user = registration.register(
        address=HERE, username="dora", email="Dora@Example.ORG", password=GOOD
    )
    assert authenticate(username="dora", password=GOOD) is None
    assert user.role == Role.USER
    (line,) = notices.latest(actor=Person(admin))
    assert "“dora”" in line.text
    with pytest.raises(Refused, match="is-pending"):
        people.reactivate(actor=Person(admin), user_id=user.pk)
    registration.admit(actor=Person(admin), user_id=user.pk)
    assert authenticate(username="dora", password=GOOD) == user
    with pytest.raises(NotFound):
        registration.turn_away(actor=Person(admin), user_id=user.pk)


def test_who_is_turned_away_is_gone(admin, open_doors):
    user = registration.register(address=HERE, username="x", email="x@example.net", password=GOOD)
    registration.turn_away(actor=Person(admin), user_id=user.pk)
    assert not User.objects.filter(username="x").exists()


@pytest.mark.parametrize("email", ["", "x@evil.org", "x@example.org.evil.org", "x@sub.example.org"])
def test_only_listed_domains_register(open_doors, db, email):
    with pytest.raises(Invalid) as caught:
        registration.register(address=HERE, username="x", email=email, password=GOOD)
    assert set(caught.value.fields) == {"email"}


def test_an_address_registers_a_few_and_no_more(open_doors, db, monkeypatch):
    monkeypatch.setattr(limits, "REGISTRATIONS", Limit("registration", 1, 10**9))
    registration.register(address=HERE, username="x", email="x@example.org", password=GOOD)
    with pytest.raises(TooMany):
        registration.register(address=HERE, username="y", email="y@example.org", password=GOOD)


def test_mallory_invites_lists_and_lets_in_nobody(admin, mallory, open_doors):
    actor = Person(mallory)
    user = registration.register(address=HERE, username="x", email="x@example.org", password=GOOD)
    invitation, _secret = invitations.invite(actor=Person(admin))
    for attempt in (
        lambda: rosters.add_all(actor=actor, text="username\ndora"),
        lambda: invitations.invite(actor=actor, role=Role.ADMINISTRATOR),
        lambda: invitations.open_ones(actor=actor),
        lambda: invitations.revoke(actor=actor, invitation_id=invitation.pk),
        lambda: registration.admit(actor=actor, user_id=user.pk),
        lambda: registration.turn_away(actor=actor, user_id=user.pk),
    ):
        with pytest.raises(Forbidden):
            attempt()
    assert not User.objects.filter(username="dora").exists()
