"""Second factors: who needs one, who has one, and taking a lost one away."""

from __future__ import annotations

import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from tests.support.factors import code_of, give_app
from vms.models import AuditEntry, Role
from vms.policy import Person, SystemActor
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import duties, factors

pytestmark = pytest.mark.django_db


def need(*roles: str) -> None:
    factors.set_roles_in_need(actor=SystemActor(), roles=roles)


def test_nobody_needs_a_second_factor_until_an_administrator_says_so(admin, alice):
    assert not factors.is_missing(admin)
    factors.set_roles_in_need(actor=Person(admin), roles=[Role.USER])
    assert factors.roles_in_need() == {Role.USER}
    assert factors.is_missing(alice)
    assert not factors.is_missing(admin)
    need()
    assert not factors.is_missing(alice)


def test_a_factor_ends_the_need_but_recovery_codes_alone_do_not(alice):
    need(Role.USER)
    RecoveryCodes.activate(alice)
    assert duties.first(alice) == duties.SECOND_FACTOR
    give_app(alice)
    assert duties.first(alice) == ""


def test_the_need_costs_one_query(alice, django_assert_num_queries):
    need(Role.USER)
    with django_assert_num_queries(1):
        assert factors.is_missing(alice)


def test_an_unknown_role_is_refused(admin):
    with pytest.raises(Invalid):
        factors.set_roles_in_need(actor=Person(admin), roles=["king"])


def test_a_lost_factor_is_taken_away_with_its_codes_and_every_session(admin, alice):
    give_app(alice)
    RecoveryCodes.activate(alice)
    client = Client()
    client.force_login(alice)
    factors.take_away(actor=Person(admin), user_id=alice.pk)
    assert not Authenticator.objects.filter(user=alice).exists()
    assert not Session.objects.exists()
    line = AuditEntry.objects.filter(action="people.take-factors").first()
    assert (line.phase, line.actor_name, line.target_name) == ("succeeded", "admin", "alice")


def test_the_command_line_lets_the_last_administrator_in_again(admin, capsys):
    give_app(admin)
    call_command("reset_password", "admin", "--second-factors")
    password = capsys.readouterr().out.strip()
    admin.refresh_from_db()
    assert admin.check_password(password)
    assert not Authenticator.objects.exists()


def test_nobody_takes_his_own_away_there_or_what_is_not_there(admin, alice):
    give_app(admin)
    with pytest.raises(Refused, match="yourself"):
        factors.take_away(actor=Person(admin), user_id=admin.pk)
    with pytest.raises(Refused, match="no-second-factor"):
        factors.take_away(actor=Person(admin), user_id=alice.pk)


def test_the_last_factor_stays_where_the_role_needs_one(alice):
    give_app(alice)
    factors.require_removable(actor=Person(alice))
    need(Role.USER)
    with pytest.raises(Refused, match="factor-needed"):
        factors.require_removable(actor=Person(alice))


def test_the_database_alone_tells_no_secret_and_another_key_opens_none(alice, settings):
    secret = give_app(alice)
    codes = RecoveryCodes.activate(alice).get_unused_codes()
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept
    assert all(code not in kept for code in codes)
    row = Authenticator.objects.get(user=alice, type=factors.APP)
    assert row.wrap().validate_code(code_of(secret))
    settings.SECRET_KEY = "another key altogether"
    assert not row.wrap().validate_code(code_of(secret))


def test_mallory_neither_sets_rules_nor_takes_factors_away(mallory, alice):
    give_app(alice)
    with pytest.raises(Forbidden):
        factors.set_roles_in_need(actor=Person(mallory), roles=[])
    with pytest.raises(NotFound):
        factors.take_away(actor=Person(mallory), user_id=alice.pk)
    assert factors.counts() == {str(alice.pk): 1}
    assert not factors.of(actor=Person(mallory)).has_any
