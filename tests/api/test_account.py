"""One's own account through the API, and nobody else's."""

from __future__ import annotations

from django.test import Client

from tests.api.conftest import problem_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGzuLIY1lL7mIPbNBIpGFTjbKJIVJmfX+Wq7FGFIRxpH me@x.org"


def test_the_own_name_is_changed(api_of, alice):
    changed = api_of(alice).patch("me", {"full_name": "Alice A"})
    assert changed.json()["full_name"] == "Alice A"
    assert "full_name" in problem_of(api_of(alice).patch("me", {"full_name": "a\nb"}))["fields"]


def test_the_language_of_sentences_is_chosen(api_of, alice):
    client = api_of(alice)
    assert client.patch("me", {"language": "de"}).json()["language"] == "de"
    assert (
        "Das gibt es"
        in problem_of(client.get("vms/00000000-0000-4000-8000-000000000000"))["detail"]
    )
    both = client.patch("me", {"full_name": "New", "language": "xx"})
    assert "language" in problem_of(both)["fields"]
    alice.refresh_from_db()
    assert alice.first_name == ""


def test_mails_are_chosen(api_of, alice):
    client = api_of(alice)
    wanted = {"email": "alice@example.org", "kinds": ["shared"]}
    assert client.put("me/mails", wanted).json() == wanted
    assert client.get("me/mails").json() == wanted
    assert "email" in problem_of(client.put("me/mails", {"email": "no", "kinds": []}))["fields"]


def test_keys_are_added_listed_and_removed_by_their_owner_alone(api_of, alice, mallory):
    client = api_of(alice)
    (added,) = client.post("me/ssh-keys", {"keys": KEY}).json()["items"]
    assert added["comment"] == "me@x.org"
    assert client.post("me/ssh-keys", {"keys": KEY}).json() == {"items": []}
    assert api_of(mallory).get("me/ssh-keys").json() == {"items": []}
    assert api_of(mallory).delete(f"me/ssh-keys/{added['id']}").status_code == 404
    assert client.delete(f"me/ssh-keys/{added['id']}").status_code == 204
    assert client.get("me/ssh-keys").json() == {"items": []}


def test_what_is_no_key_is_refused_at_its_field(api_of, alice):
    assert "keys" in problem_of(api_of(alice).post("me/ssh-keys", {"keys": "none"}))["fields"]


def test_a_token_is_listed_without_its_secret_and_revoked(api_of, alice, mallory):
    client = api_of(alice)
    (token,) = client.get("me/tokens").json()
    assert client.secret not in str(token)
    assert api_of(mallory).delete(f"me/tokens/{token['id']}").status_code == 404
    assert client.delete(f"me/tokens/{token['id']}").status_code == 204
    assert client.get("me").status_code == 401


def test_browsers_are_listed_and_logged_out(api_of, alice):
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(alice)
    client = api_of(alice)
    found = client.get("me/sessions").json()
    assert [each["is_this"] for each in found] == [False, False]
    assert client.delete(f"me/sessions/{found[0]['mark']}").status_code == 204
    assert len(client.get("me/sessions").json()) == 1
    assert client.delete("me/sessions").status_code == 204
    assert client.get("me/sessions").json() == []
    assert browsers[0].get("/").status_code == 302


def test_second_factors_are_shown_without_their_secrets(api_of, alice):
    from allauth.mfa.models import Authenticator

    assert api_of(alice).get("me/second-factors").json() == {
        "app": None,
        "passkeys": [],
        "codes_left": None,
    }
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "hidden"})
    answer = api_of(alice).get("me/second-factors")
    assert answer.json()["app"]["kind"] == "totp"
    assert b"hidden" not in answer.content
