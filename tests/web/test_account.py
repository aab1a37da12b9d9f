"""My account: what a person sees and changes of his own."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.services.test_account import PRINT, REAL, key
from tests.support.altering import alter_templates
from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import ApiToken, SshKey
from vms.policy import Person
from vms.services import account, tokens


def test_page_is_in_the_menu_and_shows_his_own_things(web, alice, mallory):
    account.add_ssh_keys(actor=Person(alice), text=REAL)
    tokens.create(actor=Person(alice), user=alice, name="nightly")
    client = web(alice)
    assert reverse("account") in [a.get("href") for a in tree(client.get("/")).cssselect("a")]
    page = client.get(reverse("account"))
    assert PRINT in texts(page, "#keys tbody td")[0]
    assert "nightly" in texts(page, "#tokens tbody td")[0]
    assert len(texts(page, "#sessions tbody tr")) == 1
    foreign = web(mallory).get(reverse("account")).content.decode()
    assert PRINT not in foreign
    assert "nightly" not in foreign


def test_name_is_changed(web, alice):
    client = web(alice)
    client.post(reverse("account-profile"), {"full_name": "Alice <b>"})
    page = client.get(reverse("account"))
    assert value_of(page, "full_name") == "Alice <b>"
    wrong = client.post(reverse("account-profile"), {"full_name": "x" * 151})
    assert wrong.status_code == 422
    assert "150" in error_beside(wrong, "full_name")


def test_keys_are_added_removed_and_wrong_ones_stay_in_the_field(web, alice):
    client = web(alice)
    client.post(reverse("account-keys"), {"ssh_keys": f"{key(1)}\r\n{key(2)}"})
    assert "2 SSH keys are added." in texts(client.get(reverse("account")), ".notice")[0]
    wrong = client.post(reverse("account-keys"), {"ssh_keys": f"{key(3)}\nhello"})
    assert wrong.status_code == 422
    assert "Line 2" in error_beside(wrong, "ssh_keys")
    assert "hello" in value_of(wrong, "ssh_keys")
    for row in alice.ssh_keys.all():
        client.post(reverse("account-key-remove", args=[row.pk]))
    assert not SshKey.objects.exists()


def test_kept_keys_are_filled_into_the_form_of_a_new_guest(web, alice, template):
    alter_templates(has_cloud_init=True, default_user="debian")
    account.add_ssh_keys(actor=Person(alice), text=f"{key(1)}\n{key(2)}")
    page = web(alice).get(reverse("guest-new-from", args=[template.pk]))
    assert value_of(page, "ssh_keys") == f"{key(1)}\n{key(2)}"


def test_a_token_is_shown_once_and_works(web, alice):
    client = web(alice)
    data = {"name": "nightly", "expires_on": "2999-01-01", "scope": "power"}
    shown = client.post(reverse("account-tokens"), data)
    (secret,) = texts(shown, "#secret")
    assert tree(shown).cssselect("[data-copy-from=secret]")
    assert "no-store" in shown["Cache-Control"]
    assert secret not in client.get(reverse("account")).content.decode()
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/me", headers=headers).status_code == 200
    page = client.get(reverse("account"))
    assert "2999-01-01" in texts(page, "#tokens tbody tr")[0]
    assert "Read, start and stop guests" in texts(page, "#tokens tbody tr")[0]
    client.post(reverse("account-token-revoke", args=[ApiToken.objects.get().pk]))
    assert Client().get("/api/v1/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("name", "x" * 101), ("expires_on", "2020-01-01")]
)
def test_a_wrong_token_says_so_and_none_is_made(web, alice, field, value):
    answer = web(alice).post(reverse("account-tokens"), {"name": "a", field: value})
    assert answer.status_code == 422
    assert error_beside(answer, field)
    assert not ApiToken.objects.exists()


def test_today_is_a_last_day_too(web, alice):
    today = timezone.localdate().isoformat()
    answer = web(alice).post(reverse("account-tokens"), {"name": "a", "expires_on": today})
    assert answer.status_code == 200


def test_sessions_say_since_when_and_from_where_and_can_be_ended(web, alice):
    elsewhere = Client(headers={"User-Agent": "Lynx <3>"}, REMOTE_ADDR="192.0.2.9")
    data = {"login": "alice", "password": "alice has a long one"}
    elsewhere.post(reverse("account_login"), data)
    client = web(alice)
    rows = texts(client.get(reverse("account")), "#sessions tbody tr")
    assert "this browser" in rows[0]
    assert "Lynx <3>" in rows[1]
    assert "192.0.2.9" in rows[1]
    client.post(reverse("account-sessions-end"))
    assert elsewhere.get(reverse("account")).status_code == 302
    assert client.get(reverse("account")).status_code == 200


def test_mallory_reaches_nothing_of_alice(web, alice, mallory):
    (kept,) = account.add_ssh_keys(actor=Person(alice), text=REAL)
    token, _secret = tokens.create(actor=Person(alice), user=alice, name="a")
    hers = web(alice)
    (mark,) = [each.mark for each in account.sessions(actor=Person(alice))]
    client = web(mallory)
    for name, arg in (
        ("account-key-remove", kept.pk),
        ("account-token-revoke", token.pk),
        ("account-session-end", mark),
    ):
        assert client.post(reverse(name, args=[arg])).status_code == 404
    client.post(reverse("account-sessions-end"))
    assert hers.get(reverse("account")).status_code == 200
    assert SshKey.objects.count() == ApiToken.objects.filter(revoked_at=None).count() == 1
