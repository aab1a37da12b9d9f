"""Lists, invitations and registering as pages."""

from __future__ import annotations

import urllib.parse

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.web.conftest import error_beside, texts, tree, value_of
from vms.models import Group, Invitation, User
from vms.policy import Person
from vms.services import invitations

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery"
NEW = {"username": "dora", "full_name": "Dora", "password": GOOD, "password2": GOOD}


@pytest.fixture
def open_doors(settings):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"registration": True})


def test_a_list_is_checked_first_and_added_when_it_is_sent_again(web, admin):
    client, place = web(admin), reverse("people-roster")
    wrong = client.post(place, {"text": "username,role\ndora,king\nemil,user"})
    assert "no such role" in texts(wrong, "td.is-wrong")[0]
    assert not tree(wrong).cssselect("button[name=add]")
    assert value_of(wrong, "text") if tree(wrong).cssselect("[name=text]") else False
    assert not User.objects.filter(username="emil").exists()
    text = "username,full_name\ndora,=cmd()\nemil,"
    right = client.post(place, {"text": text})
    assert tree(right).cssselect("button[name=add]")
    assert User.objects.count() == 1
    made = client.post(place, {"text": text, "add": "1"})
    passwords = texts(made, "code.one-time")
    assert len(passwords) == 2
    assert User.objects.get(username="dora").check_password(passwords[0])
    (link,) = tree(made).cssselect("a[download]")
    file = urllib.parse.unquote(link.get("href"))
    assert file.startswith("data:text/csv")
    assert f"dora,'=cmd(),{passwords[0]}" in file
    assert "no-store" in made["Cache-Control"]
    again = client.post(place, {"text": text, "add": "1"})
    assert again.status_code == 422
    assert User.objects.count() == 3


def test_a_file_is_read_and_one_that_is_no_text_says_so(web, admin):
    client, place = web(admin), reverse("people-roster")
    file = SimpleUploadedFile("people.csv", "username;full_name\njosé;José".encode("utf-8-sig"))
    page = client.post(place, {"text": "", "file": file})
    assert "josé" in texts(page, ".roster td")
    bad = SimpleUploadedFile("people.csv", b"username\n\xff\xfe")
    assert "UTF-8" in error_beside(client.post(place, {"file": bad}), "file")
    assert error_beside(client.post(place, {"text": "nonsense"}), "text")


def test_an_invitation_is_made_shown_once_and_opened_once(web, admin):
    lab = Group.objects.create(name="Lab")
    client, place = web(admin), reverse("people-invite")
    data = {"role": "author", "group": str(lab.pk), "email": "d@example.org", "days": "3"}
    (url,) = texts(client.post(place, data), "#secret")
    page = client.get(place)
    assert "d@example.org" in texts(page, "tbody tr")[0]
    secret = url.rstrip("/").rsplit("/", 1)[1]
    assert secret not in page.content.decode()
    stranger = Client()
    form = stranger.get(url)
    assert "Template author, into the group “Lab”" in texts(form, ".dim")[0]
    wrong = stranger.post(url, {**NEW, "password": "short", "password2": "other"})
    assert wrong.status_code == 422
    assert error_beside(wrong, "password2")
    weak = stranger.post(url, {**NEW, "password": "short", "password2": "short"})
    assert "10" in error_beside(weak, "password")
    assert value_of(weak, "username") == "dora"
    assert not value_of(weak, "password")
    done = stranger.post(url, NEW)
    assert done["Location"] == reverse("account_login")
    assert stranger.get(url).status_code == 404
    data = {"login": "dora", "password": GOOD}
    assert stranger.post(reverse("account_login"), data)["Location"] == "/"


def test_an_invitation_is_revoked_on_the_page(web, admin):
    invitation, secret = invitations.invite(actor=Person(admin))
    web(admin).post(reverse("people-uninvite", args=[invitation.pk]))
    assert Client().get(reverse("join", args=[secret])).status_code == 404


@pytest.mark.parametrize("field", ["role", "group", "email", "days"])
def test_a_wrong_invitation_says_so_and_none_is_made(web, admin, field):
    data = {"role": "user", "group": "", "email": "", "days": "7", field: "x"}
    answer = web(admin).post(reverse("people-invite"), data)
    assert answer.status_code == 422
    assert error_beside(answer, field)
    assert not Invitation.objects.exists()


def test_registering_is_not_there_unless_allowed(db):
    assert Client().get(reverse("register")).status_code == 404
    assert Client().post(reverse("register"), NEW).status_code == 404
    assert not tree(Client().get(reverse("account_login"))).cssselect("a[href*=register]")


def test_who_registers_is_let_in_or_turned_away_under_people(web, admin, open_doors):
    stranger = Client()
    assert tree(stranger.get(reverse("account_login"))).cssselect("a[href*=register]")
    stranger.post(
        reverse("register"), {**NEW, "email": "dora@example.org", "role": "administrator"}
    )
    stranger.post(reverse("register"), {**NEW, "username": "emil"})
    dora, emil = (User.objects.get(username=name) for name in ("dora", "emil"))
    assert dora.role == "user"
    login = {"login": "dora", "password": GOOD}
    refused = stranger.post(reverse("account_login"), login, follow=True)
    assert "waits for an administrator" in " ".join(texts(refused, ".notice"))
    client = web(admin)
    assert "waits to be let in" in " ".join(texts(client.get(reverse("people")), "tbody tr"))
    client.post(reverse("person-admit", args=[dora.pk]))
    client.post(reverse("person-turn-away", args=[emil.pk]))
    assert stranger.post(reverse("account_login"), login)["Location"] == "/"
    assert not User.objects.filter(username="emil").exists()


def test_mallory_reaches_none_of_it(web, mallory, alice):
    client = web(mallory)
    for name in ("people-roster", "people-invite"):
        assert client.get(reverse(name)).status_code == 403
        assert client.post(reverse(name), {"text": "username\nx", "days": "7"}).status_code == 403
    for name in ("person-admit", "person-turn-away", "people-uninvite"):
        assert client.post(reverse(name, args=[alice.pk])).status_code in {403, 404}
    assert Client().get(reverse("join", args=["guess"])).status_code == 404
