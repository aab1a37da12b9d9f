"""The way of consoles on the Host page, and what the console page may talk to."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests.web.conftest import error_beside, texts
from vms.models import Host

URL = "https://node1.example.org:6080"


@pytest.fixture
def guest(row_of, alice):
    return row_of(alice, state="running", has_vnc=True)


def policy(answer) -> list[str]:
    parts = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    return parts["connect-src"].split()


def test_the_page_may_talk_to_its_guests_gateway_and_to_no_other(web, guest, alice):
    console, overview = (reverse(name, args=[guest.pk]) for name in ("guest-console", "guest"))
    own = ["'self'", "ws://testserver"]
    assert policy(web(alice).get(console)) == own
    Host.objects.update(console_gateway_url=URL)
    assert policy(web(alice).get(console)) == [*own, "wss://node1.example.org:6080"]
    assert policy(web(alice).get(overview)) == own


def test_the_ticket_names_the_gateway(web, guest, alice):
    Host.objects.update(console_gateway_url=URL)
    answer = web(alice).post(reverse("guest-ticket", args=[guest.pk]))
    assert json.loads(answer.content)["url"] == f"wss://node1.example.org:6080/{guest.pk}"


def test_the_administrator_sets_it_and_errors_stand_beside_the_field(web, test_host, admin):
    path = reverse("host-consoles", args=[test_host.pk])
    assert web(admin).post(path, {"console_gateway_url": f"{URL}/"}).status_code == 302
    test_host.refresh_from_db()
    assert test_host.console_gateway_url == URL
    answer = web(admin).post(path, {"console_gateway_url": "node1"})
    assert answer.status_code == 422
    assert "https://node1" in error_beside(answer, "console_gateway_url")
    assert web(admin).post(path, {"console_gateway_url": ""}).status_code == 302
    assert "through this site" in texts(web(admin).get(reverse("host")), "main")[0]


def test_mallory_and_the_owner_cannot(web, test_host, guest, mallory, alice):
    path = reverse("host-consoles", args=[test_host.pk])
    for user in (mallory, alice):
        assert web(user).post(path, {"console_gateway_url": URL}).status_code == 404
    test_host.refresh_from_db()
    assert test_host.console_gateway_url == ""
