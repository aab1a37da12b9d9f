"""What every answer carries, and what a one-time password allows."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer(alice):
    """Alice before she has chosen a password of her own."""
    alice.must_change_password = True
    alice.save()
    return alice


def test_pages_may_load_and_run_only_what_is_the_sites_own(client) -> None:
    response = client.get(reverse("account_login"), headers={"host": "localhost:8000"})
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "connect-src 'self' ws://localhost:8000;" in policy
    assert "unsafe" not in policy
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response.headers["Permissions-Policy"]


def test_over_https_the_sockets_are_encrypted_too(client) -> None:
    response = client.get(reverse("account_login"), secure=True, headers={"host": "localhost"})
    assert "connect-src 'self' wss://localhost;" in response.headers["Content-Security-Policy"]


def test_a_page_of_ours_has_no_inline_script_or_style(client, admin) -> None:
    client.force_login(admin)
    for name in ("guests", "templates", "people", "host"):
        page = client.get(reverse(name)).content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert "onclick=" not in page
        scripts = [part.split(">")[0] for part in page.split("<script")[1:]]
        run = [each for each in scripts if 'type="application/json"' not in each]
        assert [each for each in run if "src=" not in each] == []


def test_another_host_name_is_refused_and_still_protected(client) -> None:
    response = client.get("/healthz", headers={"host": "evil.example"})
    assert response.status_code in {200, 400}
    assert "evil" not in response.headers["Content-Security-Policy"]


def test_a_one_time_password_leads_to_the_form_whatever_was_asked_for(client, newcomer) -> None:
    client.force_login(newcomer)
    form = reverse("account_change_password")
    assert client.get(reverse("guests")).headers["Location"] == form
    assert client.get("/no/such/page").headers["Location"] == form
    assert client.get(form).status_code == 200


def test_a_part_of_a_page_sends_the_whole_page_to_the_form(client, newcomer) -> None:
    client.force_login(newcomer)
    response = client.get(reverse("guest-rows"), headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == reverse("account_change_password")


def test_a_script_that_asks_for_a_part_never_gets_the_form_in_its_place(client, newcomer) -> None:
    client.force_login(newcomer)
    answer = client.get("/jobs/", headers={"X-Kvmweb": "1"})
    assert (answer.status_code, answer.content) == (403, b"")


def test_the_api_says_why_it_refuses(client, newcomer) -> None:
    client.force_login(newcomer)
    response = client.get("/api/v1/vms")
    assert response.status_code == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["code"] == "password-change-needed"


def test_a_bearer_token_is_untouched(client, newcomer) -> None:
    from vms.policy import SystemActor
    from vms.services import tokens

    _token, secret = tokens.create(actor=SystemActor(), user=newcomer, name="script")
    response = client.get("/api/v1/vms", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 200


def test_a_false_bearer_header_does_not_let_a_session_through(client, newcomer) -> None:
    client.force_login(newcomer)
    response = client.get("/api/v1/vms", headers={"Authorization": "Bearer wrong"})
    assert response.status_code in {401, 403}
    page = client.get(reverse("guests"), headers={"Authorization": "Bearer wrong"})
    assert page.status_code == 302


def test_logging_out_is_always_allowed(client, newcomer) -> None:
    client.force_login(newcomer)
    assert client.post(reverse("account_logout")).headers["Location"] == reverse("account_login")


def test_who_has_a_password_of_his_own_is_let_in(client, mallory) -> None:
    client.force_login(mallory)
    assert client.get(reverse("guests")).status_code == 200
