"""Logging in by OpenID Connect, against a real provider."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.factors import give_app
from tests.support.oidc import Provider, provider
from tests.support.site import free_port
from tests.web.conftest import texts
from vms.models import Membership, Role, User

pytestmark = pytest.mark.django_db

LOGIN = "/login/sso/"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture
def idp(running, settings) -> Provider:
    """A provider that the site is set to use."""
    use(settings, running.url)
    return running


def use(settings, url: str) -> None:
    more = {
        "oidc_url": url,
        "oidc_name": "University",
        "oidc_client_id": "kvmweb",
        "oidc_groups": {"lab3": "Lab 3"},
        "oidc_roles": {"teachers": "author"},
    }
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)
    providers = deepcopy(settings.SOCIALACCOUNT_PROVIDERS)
    app = {"provider_id": "sso", "name": "University", "client_id": "kvmweb", "secret": "s"}
    providers["openid_connect"]["APPS"] = [{**app, "settings": {"server_url": url}}]
    settings.SOCIALACCOUNT_PROVIDERS = providers


def log_in(idp: Provider, sub: str, client: Client | None = None, **claims: object) -> Client:
    """Log in at the site by the provider, as a browser does."""
    client = client or Client()
    idp.set_claims(sub, **claims)
    sent = client.post(LOGIN)
    assert sent.status_code == 302
    assert sent["Location"].startswith(f"{idp.url}/oauth2/authorize")
    assert "code_challenge=" in sent["Location"]
    back = idp.consent(sent["Location"], sub)
    client.get(back)
    return client


def test_the_first_login_makes_an_account_with_groups_and_role(idp):
    page = Client().get(reverse("account_login"))
    assert "University" in texts(page, "button")
    claims = {"preferred_username": "dora", "name": "Dora D", "email": "dora@example.org"}
    client = log_in(idp, "sub-1", **claims, groups=["lab3", "teachers", "other"])
    assert client.get("/").status_code == 200
    dora = User.objects.get()
    assert (dora.username, dora.role, dora.email) == ("dora", Role.AUTHOR, "dora@example.org")
    assert Membership.objects.get().group.name == "Lab 3"
    assert not dora.has_usable_password()


def test_the_next_login_finds_the_same_account_and_brings_it_up_to_date(idp):
    log_in(idp, "sub-2", preferred_username="dora", groups=["lab3", "teachers"])
    log_in(idp, "sub-2", preferred_username="renamed", groups=[])
    dora = User.objects.get()
    assert (dora.username, dora.role) == ("dora", Role.USER)
    assert not Membership.objects.exists()


def test_mallory_who_calls_himself_admin_there_is_not_admin_here(idp, admin):
    client = log_in(idp, "sub-3", preferred_username="admin", email="admin@example.org")
    assert client.get("/").status_code == 200
    assert User.objects.count() == 2
    assert client.get(reverse("people")).status_code == 403


def test_a_closed_account_stays_closed(idp):
    log_in(idp, "sub-4", preferred_username="dora")
    User.objects.update(is_active=False)
    assert log_in(idp, "sub-4").get("/").status_code == 302


def test_a_second_factor_is_asked_for_after_it(idp):
    log_in(idp, "sub-5", preferred_username="dora")
    give_app(User.objects.get())
    client = log_in(idp, "sub-5")
    assert client.get("/").status_code == 302
    assert client.get(reverse("mfa_authenticate")).status_code == 200


def test_logging_out_ends_the_session_there_too(idp):
    client = log_in(idp, "sub-6", preferred_username="dora")
    answer = client.post(reverse("account_logout"))
    assert answer["Location"].startswith(f"{idp.url}/oauth2/end_session?client_id=kvmweb")
    assert client.get("/").status_code == 302


def test_who_is_refused_there_is_told_on_the_login_page(idp):
    client = Client()
    back = idp.consent(client.post(LOGIN)["Location"], "x", denies=True)
    page = client.get(back, follow=True)
    assert page.status_code == 200
    assert client.get("/").status_code == 302


def test_an_answer_that_nobody_asked_for_logs_nobody_in(idp):
    one, other = Client(), Client()
    back = idp.consent(one.post(LOGIN)["Location"], "sub-7")
    other.get(back)
    assert other.get("/").status_code == 302
    assert not User.objects.exists()


def test_a_provider_that_is_away_costs_a_sentence(settings, db):
    use(settings, f"http://127.0.0.1:{free_port()}")
    page = Client().post(LOGIN, follow=True)
    assert "University did not work" in texts(page, ".notice")[0]


def test_without_a_provider_there_is_none(db):
    assert "University" not in texts(Client().get(reverse("account_login")), "button")
    assert Client().post(LOGIN).status_code == 404
    assert Client().get(LOGIN).status_code == 405
