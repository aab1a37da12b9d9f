"""The bell: what is new, marking it as read, and choosing what comes by mail."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.web.conftest import SCRIPT, error_beside, texts, tree, value_of
from vms.models import Notice
from vms.policy import Person
from vms.services import notices, tokens

pytestmark = pytest.mark.django_db

SHARED = {"by": "bob", "name": "web <b>", "role": "operator"}


def tell(user) -> None:
    notices.tell(user=user, kind=notices.SHARED, params=SHARED)


def test_every_page_shows_how_many_are_new_and_what_they_say(web, alice):
    client = web(alice)
    assert not texts(client.get("/"), ".bell-count")
    assert "Nothing new" in texts(client.get("/"), "#notices-menu")[0]
    tell(alice)
    page = client.get("/")
    assert texts(page, ".bell-count") == ["1"]
    assert "“web <b>”" in texts(page, "#notices-menu .note-line")[0]


def test_one_and_all_are_marked_as_read(web, alice):
    client = web(alice)
    tell(alice)
    tell(alice)
    one = Notice.objects.first()
    part = client.post(reverse("notice-read", args=[one.pk]), headers=SCRIPT)
    assert texts(part, ".bell-count") == ["1"]
    client.post(reverse("notices-read"))
    assert not texts(client.get("/"), ".bell-count")


def test_mails_are_chosen_and_a_wrong_address_stays_in_its_field(web, alice):
    client = web(alice)
    page = client.get(reverse("account"))
    assert len(tree(page).cssselect("input[name=kinds][checked]")) == len(notices.KINDS)
    data = {"email": "alice@example.org", "kinds": ["quota"]}
    client.post(reverse("account-mails"), data)
    page = client.get(reverse("account"))
    assert value_of(page, "email") == "alice@example.org"
    chosen = tree(page).cssselect("input[name=kinds][checked]")
    assert [each.get("value") for each in chosen] == ["quota"]
    wrong = client.post(reverse("account-mails"), {"email": "nobody"})
    assert wrong.status_code == 422
    assert error_beside(wrong, "email")
    assert value_of(wrong, "email") == "nobody"


def test_the_api_lists_them_and_marks_them_as_read(alice):
    tell(alice)
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="t")
    headers = {"Authorization": f"Bearer {secret}"}
    client = Client()
    (line,) = client.get("/api/v1/me/notices", headers=headers).json()
    assert (line["kind"], line["is_read"], line["vm_id"]) == ("shared", False, "")
    read = client.post("/api/v1/me/notices/read", {}, "application/json", headers=headers)
    assert read.status_code == 204
    (line,) = client.get("/api/v1/me/notices", headers=headers).json()
    assert line["is_read"]


def test_mallory_reads_no_notice_of_alice(web, alice, mallory):
    tell(alice)
    client = web(mallory)
    assert "web <b>" not in client.get(reverse("notices")).content.decode()
    assert client.post(reverse("notice-read", args=[Notice.objects.get().pk])).status_code == 404
    client.post(reverse("notices-read"))
    assert Notice.objects.get().read_at is None
