"""Asking too often, at each door: 429, when to come back, and a sentence."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factors import give_app
from tests.web.conftest import SCRIPT, texts
from vms.policy import Person
from vms.services import limits, tokens
from vms.services.limits import Limit

pytestmark = pytest.mark.django_db

PASSWORD = "alice has a long one"


def attempt(name: str, password: str = "wrong", address: str = "192.0.2.1"):
    data = {"login": name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse("account_login"), data)


def test_the_login_page_says_how_many_attempts_are_left_then_answers_429(alice):
    answers = [attempt("alice") for _ in range(6)]
    left = [" ".join(texts(each, ".attempts")) for each in answers[:5]]
    assert left[0] == ""
    assert left[1].startswith("3 attempts are left")
    assert left[3].startswith("1 attempt is left")
    assert left[4].startswith("No attempt is left: wait 5 minutes")
    assert answers[5].status_code == 429
    assert 290 <= int(answers[5]["Retry-After"]) <= 301
    assert "then try again" in answers[5].content.decode()


def test_a_locked_account_takes_the_right_password_no_more_also_from_elsewhere(alice):
    for _ in range(5):
        attempt("alice")
    assert attempt("alice", PASSWORD, "198.51.100.7").status_code == 429


def test_an_address_that_tries_many_names_has_to_wait_and_others_do_not(alice):
    for number in range(10):
        attempt(f"nobody{number}")
    assert attempt("alice", PASSWORD).status_code == 429
    assert attempt("alice", PASSWORD, "198.51.100.7").status_code == 302


def test_a_name_that_does_not_exist_is_locked_like_one_that_does(alice):
    for name in ("alice", "zoe"):
        codes = [attempt(name, address=f"192.0.2.{number}").status_code for number in range(6)]
        assert codes == [200] * 5 + [429]


def test_second_factors_are_not_guessed(alice):
    give_app(alice)
    client = Client()
    client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    codes = [
        client.post(reverse("mfa_authenticate"), {"code": f"00000{number}"}).status_code
        for number in range(6)
    ]
    assert codes == [200] * 5 + [429]


@pytest.fixture
def few(monkeypatch) -> int:
    """Three of each, in a window that does not end while the test runs."""
    for name in ("BAD_TOKENS", "TICKETS"):
        monkeypatch.setattr(limits, name, Limit(name, 3, 10**9))
    return 3


def test_wrong_tokens_are_told_to_wait_and_right_ones_are_not(alice, few):
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="t")
    client = Client()
    bad = {"Authorization": "Bearer kvmweb_nonsense"}
    for _ in range(few):
        assert client.get("/api/v1/me", headers=bad).status_code == 401
    answer = client.get("/api/v1/me", headers=bad)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
    assert int(answer["Retry-After"]) > 0
    assert "try again in" in answer.json()["detail"]
    good = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/me", headers=good).status_code == 200


def test_console_tickets_are_counted_for_each_person(web, alice, bob, row_of, few):
    hers, his = row_of(alice), row_of(bob)
    client = web(alice)
    place = reverse("guest-ticket", args=[hers.pk])
    for _ in range(few):
        assert client.post(place, headers=SCRIPT).status_code == 409
    answer = client.post(place, headers=SCRIPT)
    assert answer.status_code == 429
    assert answer["Retry-After"]
    other = web(bob).post(reverse("guest-ticket", args=[his.pk]), headers=SCRIPT)
    assert other.status_code == 409


def test_mallory_locks_an_account_for_minutes_and_her_sessions_stay(web, alice):
    client = web(alice)
    for _ in range(6):
        attempt("alice")
    assert client.get("/").status_code == 200
