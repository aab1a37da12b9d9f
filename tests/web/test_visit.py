"""The page of a link, and the owner's list of links."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.web.conftest import error_beside, texts, tree
from vms.models import VM, ConsoleLink
from vms.web import urls

WISH = {"name": "Support", "panel": "screen", "mode": "view", "hours": "24"}


@pytest.fixture(autouse=True)
def _no_tries() -> None:
    cache.clear()


@pytest.fixture
def guest(row_of, alice, test_host) -> VM:
    test_host.facts = {**test_host.facts, "can_graphics_fd": True}
    test_host.save()
    return row_of(alice, name="a#b %.1 <b>", state="running", has_vnc=True)


@pytest.fixture
def secret(web, alice, guest) -> str:
    """The secret of a link, as the page shows it once."""
    answer = web(alice).post(reverse("guest-links", args=[guest.pk]), WISH)
    (address,) = texts(answer, "#secret")
    assert answer["Referrer-Policy"] == "no-referrer"
    found = re.fullmatch(r"http://testserver/visit/#([\w-]{40,})", address)
    assert found
    return found[1]


def enter(client: Client, secret: str, **more: str):
    return client.post(reverse("visit-enter"), {"secret": secret, **more})


def test_the_page_says_nothing_of_any_guest_and_lets_nothing_leak(guest, secret):
    answer = Client().get(reverse("visit"))
    assert answer.status_code == 200
    assert guest.name.encode() not in answer.content
    assert str(guest.pk).encode() not in answer.content
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not tree(answer).cssselect("a[href]:not([href='#'])")


def test_a_link_gives_a_ticket_to_the_browser_that_opened_it(guest, secret):
    client = Client()
    answer = enter(client, secret)
    assert answer.status_code == 200
    opened = json.loads(answer.content)
    assert (opened["name"], opened["mode"]) == (guest.name, "view")
    (cookie,) = [each for name, each in answer.cookies.items() if name.startswith("kvmweb_visit_")]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    ticket = client.post(opened["ticket_url"])
    assert ticket.status_code == 201
    assert json.loads(ticket.content)["url"] == f"/ws/console/{guest.pk}"
    assert Client().post(opened["ticket_url"]).status_code == 404


def _some(name: str) -> object:
    others = {"mark": "0" * 32, "pk": 1}
    return others.get(name, uuid.uuid4() if "id" in name else "start")


def test_no_other_address_knows_somebody_on_a_visit_from_a_stranger(guest, secret, template):
    client, stranger = Client(), Client()
    enter(client, secret)
    ids = {"vm_id": guest.pk, "template_id": template.pk}
    for pattern in urls.urlpatterns:
        if pattern.name == "visit":
            continue
        names = pattern.pattern.converters
        url = reverse(pattern.name, kwargs={name: ids.get(name, _some(name)) for name in names})
        seen, usual = client.get(url, follow=True), stranger.get(url, follow=True)
        assert seen.status_code == usual.status_code, pattern.name
        assert seen.redirect_chain == usual.redirect_chain, pattern.name
        assert guest.name.encode() not in seen.content, pattern.name
    for path in ("vms", f"vms/{guest.pk}", f"vms/{guest.pk}/consoles"):
        assert client.get(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize("wrong", ["", "guessed", "x" * 5000])
def test_a_wrong_secret_is_told_nothing(guest, secret, wrong):
    answer = enter(Client(), wrong)
    assert answer.status_code == 409
    assert json.loads(answer.content)["code"] == "link-invalid"
    assert not answer.cookies


def test_too_many_attempts_are_told_to_wait(guest, secret):
    client = Client()
    codes = [enter(client, f"guess {number}").status_code for number in range(25)]
    assert codes == [409] * 20 + [429] * 5
    assert enter(client, secret).status_code == 429


def test_a_passphrase_is_asked_for(web, alice, guest):
    page = web(alice)
    wish = {**WISH, "passphrase": "open sesame"}
    answer = page.post(reverse("guest-links", args=[guest.pk]), wish)
    secret = texts(answer, "#secret")[0].partition("#")[2]
    assert enter(Client(), secret).status_code == 403
    assert enter(Client(), secret, passphrase="no").status_code == 403
    assert enter(Client(), secret, passphrase="open sesame").status_code == 200


def test_a_request_from_another_site_opens_nothing(guest, secret):
    client = Client(enforce_csrf_checks=True)
    assert enter(client, secret).status_code == 403
    assert not client.cookies


def test_the_owner_sees_who_used_a_link_and_revokes_it(web, alice, guest, secret):
    client = Client()
    opened = json.loads(enter(client, secret).content)
    page = web(alice)
    url = reverse("guest-links", args=[guest.pk])
    (line,) = texts(page.get(url), "tbody tr")
    assert "Support" in line
    assert "1 time" in line
    assert "127.0.0.1" in line
    assert secret not in page.get(url).content.decode()
    link = ConsoleLink.objects.get()
    revoke = reverse("guest-link-revoke", args=[guest.pk, link.pk])
    assert page.post(revoke).status_code == 302
    assert client.post(opened["ticket_url"]).status_code == 404
    assert enter(Client(), secret).status_code == 409
    assert "revoked" in texts(page.get(url), "tbody tr")[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"uses": "0"}, "uses"),
        ({"uses": "many"}, "uses"),
        ({"passphrase": "short"}, "passphrase"),
        ({"hours": "9999"}, "hours"),
        ({"panel": "serial-3"}, "panel"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    web, alice, guest, change, field
):
    answer = web(alice).post(reverse("guest-links", args=[guest.pk]), {**WISH, **change})
    assert answer.status_code == 422
    assert error_beside(answer, field)
    if field != "name":
        (name,) = tree(answer).cssselect("[name=name]")
        assert name.get("value") == "Support"
    assert not ConsoleLink.objects.exists()


def test_mallory_finds_no_links(web, guest, secret, mallory):
    link = ConsoleLink.objects.get()
    page = web(mallory)
    assert page.get(reverse("guest-links", args=[guest.pk])).status_code == 404
    assert page.post(reverse("guest-links", args=[guest.pk]), WISH).status_code == 404
    assert page.post(reverse("guest-link-revoke", args=[guest.pk, link.pk])).status_code == 404
    assert ConsoleLink.objects.get().revoked_at is None


def test_a_guest_behind_a_gateway_is_reached_there_and_only_on_a_visit(guest, secret, test_host):
    test_host.console_gateway_url = "https://node1.example.org:6080"
    test_host.save()
    client = Client()
    assert "node1" not in client.get(reverse("visit"))["Content-Security-Policy"]
    opened = json.loads(enter(client, secret).content)
    assert opened["source"] == "wss://node1.example.org:6080"
    assert opened["source"] in client.get(reverse("visit"))["Content-Security-Policy"]
    ticket = json.loads(client.post(opened["ticket_url"]).content)
    assert ticket["url"] == f"{opened['source']}/{guest.pk}"
