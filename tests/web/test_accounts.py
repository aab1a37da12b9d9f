"""Log in, log out, change the password; nothing else of allauth is there."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.web.conftest import error_beside, texts
from vms.models import User

PASSWORD = "alice has a long one"


def test_right_password_leads_to_the_guests(alice):
    client = Client()
    answer = client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200


def test_login_leads_back_to_where_one_wanted_to_go(alice):
    client = Client()
    wanted = reverse("templates")
    page = client.get(wanted)
    assert page["Location"] == f"{reverse('account_login')}?next={wanted}"
    answer = client.post(page["Location"], {"login": "alice", "password": PASSWORD})
    assert answer["Location"] == wanted


def test_wrong_password_is_told_and_the_name_is_kept(alice):
    answer = Client().post(reverse("account_login"), {"login": "alice", "password": "wrong"})
    assert texts(answer, ".notice.is-error")
    assert b'value="alice"' in answer.content
    assert b"wrong" not in answer.content


def test_unknown_person_and_wrong_password_read_the_same(alice):
    one = Client().post(reverse("account_login"), {"login": "alice", "password": "wrong"})
    two = Client().post(reverse("account_login"), {"login": "zoe", "password": "wrong"})
    assert texts(one, ".notice") == texts(two, ".notice")


def test_closed_account_is_not_let_in(alice):
    User.objects.update(is_active=False)
    client = Client()
    answer = client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    assert answer.status_code in {200, 302}
    assert client.get("/").status_code == 302


def test_logout_needs_a_post(web, alice):
    client = web(alice)
    assert client.get(reverse("account_logout")).status_code == 200
    assert client.get("/").status_code == 200
    client.post(reverse("account_logout"))
    assert client.get("/").status_code == 302


def test_password_can_be_changed_and_is_no_longer_asked_for(web, alice):
    User.objects.update(must_change_password=True)
    client = web(alice)
    form = reverse("account_change_password")
    assert client.get("/")["Location"] == form
    new = "correct horse battery"
    data = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post(form, data)["Location"] == "/"
    assert client.get("/").status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(new)


@pytest.mark.parametrize(
    ("field", "value"),
    [("oldpassword", "wrong"), ("password1", "short"), ("password2", "another one entirely")],
)
def test_wrong_password_field_is_told_beside_it(web, alice, field, value):
    new = "correct horse battery"
    data = {"oldpassword": PASSWORD, "password1": new, "password2": new, field: value}
    answer = web(alice).post(reverse("account_change_password"), data)
    assert error_beside(answer, field)
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_one_time_password_cannot_be_kept(web, alice):
    User.objects.update(must_change_password=True)
    data = {"oldpassword": PASSWORD, "password1": PASSWORD, "password2": PASSWORD}
    answer = web(alice).post(reverse("account_change_password"), data)
    assert error_beside(answer, "password1")
    alice.refresh_from_db()
    assert alice.must_change_password


@pytest.mark.parametrize(
    "name", ["account_signup", "account_reset_password", "account_email", "account_set_password"]
)
def test_other_pages_of_allauth_do_not_exist(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_mallory_gets_no_page_without_login(db):
    for name in ("guests", "templates", "host", "people", "guest-new", "jobs"):
        assert Client().get(reverse(name))["Location"].startswith(reverse("account_login"))


def test_script_without_login_is_told_to_go_to_the_login_page(db):
    answer = Client().get(reverse("jobs"), headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == reverse("account_login")
