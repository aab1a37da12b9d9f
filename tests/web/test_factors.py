"""Second factors as pages: setting one up, logging in with it, and being led to it."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.test import Client
from django.urls import reverse

from tests.support.factors import code_of, give_app
from tests.web.conftest import error_beside, texts, tree
from vms.models import AuditEntry, Role
from vms.policy import Person, SystemActor
from vms.services import factors, tokens

pytestmark = pytest.mark.django_db


def logged_in(name: str) -> Client:
    """A browser whose user has given his password a moment ago."""
    client = Client()
    data = {"login": name, "password": f"{name} has a long one"}
    assert client.post(reverse("account_login"), data).status_code == 302
    return client


def set_up(client: Client):
    page = client.get(reverse("mfa_activate_totp"))
    (secret,) = texts(page, "#totp-key")
    return secret, client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})


def test_an_app_is_set_up_by_a_picture_made_here_and_its_code(alice):
    client = logged_in("alice")
    page = client.get(reverse("mfa_activate_totp"))
    (picture,) = tree(page).cssselect("img.qr")
    assert picture.get("src").startswith("data:image/svg+xml;base64,")
    secret, shown = set_up(client)
    codes = texts(shown, "#codes li")
    assert len(codes) == 10
    assert "no-store" in shown["Cache-Control"]
    assert codes[0] not in client.get(reverse("mfa_index")).content.decode()
    assert AuditEntry.objects.filter(action="account.add-factor", actor_name="alice").exists()
    assert factors.of(actor=Person(alice)).codes_left == 10
    assert not AuditEntry.objects.filter(detail__icontains=secret).exists()


def test_a_wrong_code_sets_nothing_up_and_the_key_stays_the_same(alice):
    client = logged_in("alice")
    (secret,) = texts(client.get(reverse("mfa_activate_totp")), "#totp-key")
    answer = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    assert error_beside(answer, "code")
    assert texts(answer, "#totp-key") == [secret]
    assert not Authenticator.objects.exists()


def test_the_password_alone_no_longer_lets_him_in(alice):
    secret = give_app(alice)
    client = logged_in("alice")
    assert client.get("/").status_code == 302
    asked = client.get(reverse("mfa_authenticate"))
    assert "code of your authenticator app" in asked.content.decode()
    assert error_beside(client.post(reverse("mfa_authenticate"), {"code": "123456"}), "code")
    assert client.get("/").status_code == 302
    client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert client.get("/").status_code == 200
    line = AuditEntry.objects.filter(action="account.log-in").first()
    assert line.detail["methods"] == "password, totp"


def test_a_recovery_code_works_once(alice):
    give_app(alice)
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    for expected in (200, 302):
        client = logged_in("alice")
        client.post(reverse("mfa_authenticate"), {"code": code})
        assert client.get("/").status_code == expected
    assert factors.of(actor=Person(alice)).codes_left == 9


def test_a_session_that_is_not_fresh_is_asked_for_the_password_first(web, alice):
    client = web(alice)
    answer = client.get(reverse("mfa_activate_totp"))
    again = reverse("account_reauthenticate")
    assert answer["Location"].startswith(again)
    wrong = client.post(answer["Location"], {"password": "wrong"})
    assert error_beside(wrong, "password")
    right = client.post(answer["Location"], {"password": "alice has a long one"})
    assert right["Location"] == reverse("mfa_activate_totp")
    assert client.get(right["Location"]).status_code == 200


def test_whoever_needs_a_factor_is_led_to_it_before_anything_else(alice):
    factors.set_roles_in_need(actor=SystemActor(), roles=[Role.USER])
    client = logged_in("alice")
    place = reverse("mfa_index")
    assert client.get("/")["Location"] == place
    assert client.get(reverse("account"))["Location"] == place
    page = client.get(place)
    assert "Your role needs a second factor" in texts(page, ".notice")[0]
    assert tree(page).cssselect("body")[0].get("data-status-url") == ""
    refused = client.get("/api/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-needed")
    set_up(client)
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/me").status_code == 200


def test_a_bearer_token_goes_on_working_where_the_role_needs_a_factor(alice):
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="nightly")
    factors.set_roles_in_need(actor=SystemActor(), roles=[Role.USER])
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/me", headers=headers).status_code == 200


def test_a_one_time_password_is_changed_before_the_factor_is_set_up(alice):
    factors.set_roles_in_need(actor=SystemActor(), roles=[Role.USER])
    alice.must_change_password = True
    alice.save()
    client = logged_in("alice")
    assert client.get("/")["Location"] == reverse("account_change_password")
    data = {"oldpassword": "alice has a long one", "password1": "correct horse battery"}
    client.post(reverse("account_change_password"), {**data, "password2": data["password1"]})
    assert client.get("/")["Location"] == reverse("mfa_index")


def test_the_app_is_removed_unless_the_role_needs_it(alice):
    client = logged_in("alice")
    set_up(client)
    factors.set_roles_in_need(actor=SystemActor(), roles=[Role.USER])
    client.post(reverse("mfa_deactivate_totp"))
    assert "needs a second factor" in texts(client.get(reverse("mfa_index")), ".notice")[0]
    factors.set_roles_in_need(actor=SystemActor(), roles=[])
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.exists()


def test_removing_is_never_asked_by_get(alice):
    client = logged_in("alice")
    set_up(client)
    assert client.get(reverse("mfa_deactivate_totp")).status_code == 405
    assert client.get(reverse("mfa_generate_recovery_codes")).status_code == 405


def test_new_recovery_codes_replace_the_old_ones(alice):
    client = logged_in("alice")
    _secret, shown = set_up(client)
    old = texts(shown, "#codes li")
    new = texts(client.post(reverse("mfa_generate_recovery_codes")), "#codes li")
    assert len(new) == 10
    assert not set(old) & set(new)


def test_an_administrator_says_who_needs_one_and_takes_a_lost_one_away(web, admin, alice):
    client = web(admin)
    page = reverse("people-rules")
    client.post(page, {"roles": ["administrator"]})
    assert factors.roles_in_need() == {"administrator"}
    give_app(admin)
    checked = tree(client.get(page)).cssselect("input[name=roles][checked]")
    assert [each.get("value") for each in checked] == ["administrator"]
    assert client.post(page, {"roles": ["king"]}).status_code == 422
    give_app(alice)
    assert "second factor" in texts(client.get(reverse("people")), "tbody tr")[1]
    client.post(reverse("person-factors", args=[alice.pk]))
    assert not Authenticator.objects.filter(user=alice).exists()


def test_the_browser_gets_what_it_needs_to_make_a_passkey(alice):
    page = logged_in("alice").get(reverse("mfa_add_webauthn"), headers={"host": "localhost:8000"})
    options = page.context["js_data"]["creation_options"]["publicKey"]
    assert options["rp"]["id"] == "localhost"
    assert re.search(r'id="passkey-options"[^>]*>\{', page.content.decode())


NONSENSE = [
    "x",
    "[]",
    '"text"',
    "{}",
    '{"id": 1}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA",'
    ' "attestationObject": "AA", "authenticatorData": "AA", "signature": "AA",'
    ' "userHandle": "AA"}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": 1,'
    ' "attestationObject": [], "authenticatorData": {}, "signature": null, "userHandle": 7}}',
]


@pytest.mark.parametrize("credential", NONSENSE)
def test_what_no_browser_answers_is_refused_and_crashes_nothing(alice, credential):
    client = logged_in("alice")
    client.get(reverse("mfa_add_webauthn"))
    data = {"name": "x", "credential": credential, "passwordless": "on"}
    assert client.post(reverse("mfa_add_webauthn"), data).status_code == 200
    assert not Authenticator.objects.exists()
    stranger = Client()
    stranger.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    answer = stranger.post(reverse("mfa_login_webauthn"), {"credential": credential})
    assert answer["Location"] == reverse("account_login")
    assert stranger.get("/").status_code == 302


def test_mallory_reaches_no_factor_of_alice(web, alice, mallory):
    give_app(alice)
    client = logged_in("mallory")
    (row,) = Authenticator.objects.all()
    for name in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
        assert client.post(reverse(name, args=[row.pk]), {"name": "x"}).status_code == 404
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 404
    assert client.get(reverse("people-rules")).status_code == 403
    assert client.post(reverse("people-rules"), {"roles": []}).status_code == 403
    assert client.post(reverse("person-factors", args=[alice.pk])).status_code == 404
    assert Authenticator.objects.count() == 1


def test_without_login_there_is_only_the_way_in(db):
    names = ["mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_authenticate"]
    for name in names:
        answer = Client().get(reverse(name))
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))
    options = Client().get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    assert options.json()["request_options"]["publicKey"]["challenge"]
