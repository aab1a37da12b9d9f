"""Power verbs: by POST only, with a toast for scripts and a note on the next page without them."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests.web.conftest import SCRIPT, texts
from vms.models import VM


@pytest.fixture
def guest(make_guest, alice):
    return make_guest(alice)


def url(guest: VM, verb: str) -> str:
    return reverse("guest-power", args=[guest.pk, verb])


def test_script_gets_a_toast(web, guest, alice):
    answer = web(alice).post(url(guest, "pause"), headers=SCRIPT)
    assert answer.status_code == 204
    toast = json.loads(answer["HX-Trigger"])["kvmweb:toast"]
    assert guest.name in toast["text"]
    assert toast["level"] == "success"
    guest.refresh_from_db()
    assert guest.state == "paused"


def test_without_scripts_a_note_stands_on_the_next_page(web, guest, alice):
    client = web(alice)
    answer = client.post(url(guest, "pause"))
    assert answer["Location"] == reverse("guest", args=[guest.pk])
    assert "Pause" in texts(client.get(answer["Location"]), ".notice")[0]


def test_refused_verb_says_why_and_changes_nothing(web, guest, alice):
    answer = web(alice).post(url(guest, "start"), headers=SCRIPT)
    assert answer.status_code == 409
    toast = json.loads(answer["HX-Trigger"])["kvmweb:toast"]
    assert toast == {"text": "The guest is already running.", "level": "error"}
    guest.refresh_from_db()
    assert guest.state == "running"


def test_refused_verb_without_scripts_goes_back_with_a_note(web, guest, alice):
    client, page = web(alice), reverse("guest", args=[guest.pk])
    answer = client.post(url(guest, "start"), headers={"Referer": f"http://testserver{page}"})
    assert answer.status_code == 302
    assert "already running" in texts(client.get(page), ".notice.is-error")[0]


def test_other_sites_are_not_gone_back_to(web, guest, alice):
    answer = web(alice).post(url(guest, "pause"), {"next": "https://evil.example/"})
    assert answer["Location"] == reverse("guest", args=[guest.pk])
    refused = web(alice).post(url(guest, "pause"), headers={"Referer": "https://evil.example/"})
    assert refused.status_code == 409


def test_get_is_not_allowed(web, guest, alice):
    assert web(alice).get(url(guest, "pause")).status_code == 405
    guest.refresh_from_db()
    assert guest.state == "running"


def test_unknown_verb_is_not_found(web, guest, alice):
    assert web(alice).post(url(guest, "explode")).status_code == 404


def test_mallory_changes_nothing(web, guest, mallory):
    assert web(mallory).post(url(guest, "power-off"), headers=SCRIPT).status_code == 404
    guest.refresh_from_db()
    assert guest.state == "running"


def test_post_needs_the_csrf_token(guest, alice):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post(url(guest, "power-off"))
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()
