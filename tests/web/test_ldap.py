"""Logging in by LDAP, against a real slapd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from pydantic import SecretStr

from kvmweb.ldap import BACKEND, ldap_settings
from tests.support.site import free_port
from tests.support.slapd import BASE, READER, READER_PASSWORD, Directory, directory
from tests.web.conftest import texts
from vms.models import AuditEntry, Membership, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def running() -> Iterator[Directory]:
    with directory() as one:
        yield one


@pytest.fixture
def slapd(running, settings) -> Directory:
    """A directory that the site is set to use."""
    use(settings, running.url)
    return running


def use(settings, url: str) -> None:
    more = {
        "ldap_url": url,
        "ldap_bind_dn": READER,
        "ldap_bind_password": SecretStr(READER_PASSWORD),
        "ldap_user_base": BASE,
        "ldap_group_base": BASE,
        "ldap_groups": {"lab3": "Lab 3"},
        "ldap_roles": {"teachers": "author"},
    }
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, BACKEND]
    for name, value in ldap_settings(settings.KVMWEB).items():
        setattr(settings, name, value)


def log_in(name: str, password: str) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("account")).status_code == 200


def test_the_first_login_makes_an_account_with_groups_and_role(slapd):
    assert is_in(log_in("Alice", "alice in the directory"))
    alice = User.objects.get()
    found = (alice.username, alice.first_name, alice.email, alice.role)
    assert found == ("alice", "Alice A", "alice@example.org", Role.AUTHOR)
    assert Membership.objects.get().group.name == "Lab 3"
    assert not alice.has_usable_password()
    assert AuditEntry.objects.filter(action="people.join", actor_name="LDAP").count() == 1
    assert is_in(log_in("alice", "alice in the directory"))
    assert User.objects.count() == 1


def test_bob_in_fewer_groups_is_a_user(slapd):
    assert is_in(log_in("bob", "bob in the directory"))
    assert User.objects.get().role == Role.USER


@pytest.mark.parametrize("password", ["", "wrong", "alice in the directory "])
def test_a_wrong_or_empty_password_lets_nobody_in(slapd, password):
    assert not is_in(log_in("alice", password))
    assert not User.objects.exists()


def test_mallory_in_the_directory_is_never_an_account_of_our_own(slapd, admin):
    assert not is_in(log_in("admin", "admin in the directory"))
    assert is_in(log_in("admin", "admin has a long one"))
    admin.refresh_from_db()
    assert (admin.role, admin.ldap_dn) == (Role.ADMINISTRATOR, "")


@pytest.mark.parametrize("name", ["*", "al*", "alice)(uid=*", "alice\\2a", "uid=alice"])
def test_signs_of_the_filter_language_are_only_signs(slapd, name):
    assert not is_in(log_in(name, "alice in the directory"))
    assert not User.objects.exists()


def test_a_closed_account_stays_closed(slapd):
    log_in("bob", "bob in the directory")
    User.objects.update(is_active=False)
    assert not is_in(log_in("bob", "bob in the directory"))


def test_whoever_has_no_password_here_changes_none_here(slapd):
    client = log_in("bob", "bob in the directory")
    page = client.get(reverse("account_change_password"), follow=True)
    assert "not kept here" in texts(page, ".notice")[0]
    assert "Change password" not in page.content.decode()


def test_while_the_directory_is_away_our_own_accounts_log_in(settings, admin):
    use(settings, f"ldap://127.0.0.1:{free_port()}/")
    assert is_in(log_in("admin", "admin has a long one"))
    assert not is_in(log_in("bob", "bob in the directory"))
