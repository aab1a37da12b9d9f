"""Sessions need CSRF, tokens do not."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.utils import timezone

from tests.api.conftest import problem_of
from vms.models import ApiToken


@pytest.fixture
def session(alice) -> Client:
    """A logged-in browser of alice, with CSRF enforced."""
    session = Client(enforce_csrf_checks=True)
    session.force_login(alice)
    return session


def describe(client: Client, guest, **headers: str):
    body = json.dumps({"description": "new"})
    return client.patch(
        f"/api/v1/vms/{guest.pk}", body, content_type="application/json", headers=headers
    )


def test_a_session_may_read_without_a_csrf_token(session, guest):
    answer = session.get("/api/v1/me").json()
    assert (answer["username"], answer["auth"], answer["token_name"]) == ("alice", "session", None)


def test_a_session_may_not_change_anything_without_a_csrf_token(session, guest):
    response = describe(session, guest)
    assert (response.status_code, problem_of(response)["code"]) == (403, "csrf")
    guest.refresh_from_db()
    assert guest.description == ""


def test_a_session_with_its_csrf_token_may(session, guest):
    token = "a" * 32
    session.cookies["kvmweb_csrf"] = token
    assert describe(session, guest, **{"X-CSRFToken": token}).status_code == 200


def test_a_session_from_another_origin_may_not_even_with_the_token(session, guest):
    token = "a" * 32
    session.cookies["kvmweb_csrf"] = token
    response = describe(session, guest, **{"X-CSRFToken": token, "Origin": "https://evil.example"})
    assert problem_of(response)["code"] == "csrf"


def test_a_bearer_token_needs_no_csrf_token_and_no_cookie(api_of, alice, guest):
    client = api_of(alice)
    assert client.patch(f"vms/{guest.pk}", {"description": "new"}).status_code == 200
    answer = client.get("me").json()
    assert (answer["auth"], answer["token_name"], answer["role"]) == ("token", "test", "user")


def test_the_use_of_a_token_is_noted(api_of, alice):
    api_of(alice).get("me")
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("field", ["revoked_at", "expires_at"])
def test_a_token_that_was_revoked_or_has_expired_is_refused(api_of, alice, field):
    client = api_of(alice)
    ApiToken.objects.update(**{field: timezone.now()})
    assert client.get("me").status_code == 401


def test_a_wrong_token_is_refused_even_with_a_session(session):
    response = session.get("/api/v1/me", headers={"Authorization": "Bearer wrong"})
    assert response.status_code == 401


def test_a_one_time_password_must_be_changed_first(session, alice):
    alice.must_change_password = True
    alice.save()
    response = session.get("/api/v1/me")
    assert response.status_code == 403
    assert problem_of(response)["code"] == "password-change-needed"
