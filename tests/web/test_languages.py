"""Languages: each person reads the one that he chose, else the one that his browser asks for."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.web.conftest import error_beside, texts, tree
from vms import messages
from vms.models import AuditEntry, Quota, User
from vms.policy import Person
from vms.problems import Invalid
from vms.services import account, notices, sharing, tokens

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


def choose(user: User, language: str) -> None:
    account.choose_language(actor=Person(user), language=language)


def language_of(page) -> tuple[str, str]:
    return str(tree(page).get("lang")), page["Content-Language"]


def script_texts(page) -> dict[str, str]:
    (element,) = tree(page).cssselect("#texts")
    return json.loads(element.text_content())


def test_before_the_login_the_wish_of_the_browser_counts(client, db):
    page = client.get(reverse("account_login"), headers=GERMAN)
    assert texts(page, "h1") == ["Anmelden"]
    assert language_of(page) == ("de", "de")
    assert "Accept-Language" in page["Vary"]
    page = client.get(reverse("account_login"), headers={"Accept-Language": "fr"})
    assert texts(page, "h1") == ["Log in"]
    assert language_of(page) == ("en", "en")


def test_what_django_and_allauth_say_themselves_is_german_too(client, alice):
    data = {"login": "alice", "password": "wrong"}
    page = client.post(reverse("account_login"), data, headers=GERMAN)
    said = " ".join(texts(page, "main"))
    assert "Passwort" in said
    assert "password" not in said


def test_german_chosen_in_the_account_turns_pages_and_script_texts_of_that_person_alone(
    web, alice, bob
):
    mine, his = web(alice), web(bob)
    done = mine.post(
        reverse("account-profile"), {"full_name": "Alice", "language": "de"}, follow=True
    )
    assert texts(done, ".notice") == ["Ihr Profil ist gespeichert."]
    alice.refresh_from_db()
    assert (alice.language, alice.get_full_name()) == ("de", "Alice")
    page = mine.get("/")
    assert language_of(page) == ("de", "de")
    assert "Gäste" in texts(page, "nav a")
    assert script_texts(page)["cancel"] == "Abbrechen"
    page = his.get("/")
    assert language_of(page) == ("en", "en")
    assert "Guests" in texts(page, "nav a")
    assert script_texts(page)["cancel"] == "Cancel"


def test_the_choice_wins_over_the_browser_until_it_is_taken_back(web, alice):
    client = web(alice)
    choose(alice, "en")
    assert language_of(client.get("/", headers=GERMAN)) == ("en", "en")
    client.post(reverse("account-profile"), {"language": ""}, headers=GERMAN)
    page = client.get(reverse("account"), headers=GERMAN)
    assert language_of(page) == ("de", "de")
    assert texts(page, ".notice") == ["Ihr Profil ist gespeichert."]


def test_the_choice_stands_in_the_form_with_each_language_in_its_own_words(web, alice):
    choose(alice, "de")
    page = tree(web(alice).get(reverse("account")))
    options = page.cssselect("[name=language] option")
    found = [(option.get("value"), option.text_content()) for option in options]
    assert found == [("", "Wie der Browser wünscht"), ("en", "English"), ("de", "Deutsch")]
    assert [each.get("value") for each in options if each.get("selected") is not None] == ["de"]


def test_a_language_that_is_not_offered_is_refused(web, alice):
    wrong = web(alice).post(reverse("account-profile"), {"language": "xx"})
    assert wrong.status_code == 422
    assert error_beside(wrong, "language")
    with pytest.raises(Invalid):
        choose(alice, "xx")
    alice.refresh_from_db()
    assert alice.language == ""


def test_sentences_of_fields_and_pages_of_errors_are_in_his_language(web, alice):
    choose(alice, "de")
    client = web(alice)
    wrong = client.post(reverse("account-profile"), {"full_name": "x" * 151, "language": "de"})
    assert "Höchstens 150" in error_beside(wrong, "full_name")
    gone = client.get("/guests/00000000-0000-4000-8000-000000000000/")
    assert gone.status_code == 404
    assert language_of(gone) == ("de", "de")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    refused = strict.post(reverse("account-profile"), {"language": "en"})
    assert refused.status_code == 403
    assert language_of(refused) == ("de", "de")


def test_problems_of_the_api_are_in_the_language_that_the_client_asks_for(client, alice):
    _token, secret = tokens.create(actor=Person(alice), user=alice, name="x")
    headers = {"Authorization": f"Bearer {secret}"}
    path = "/api/v1/vms/00000000-0000-4000-8000-000000000000"
    english = client.get(path, headers=headers)
    asked = client.get(path, headers={**headers, **GERMAN})
    choose(alice, "de")
    chosen = client.get(path, headers={**headers, "Accept-Language": "en"})
    nobody = client.get(path, headers=GERMAN)
    assert english["Content-Language"] == "en"
    assert asked["Content-Language"] == chosen["Content-Language"] == "de"
    assert asked.json()["detail"] == chosen.json()["detail"] != english.json()["detail"]
    assert asked.json()["code"] == english.json()["code"]
    assert nobody.json()["detail"].startswith("Melden Sie sich an")


def test_a_mail_is_in_the_language_of_who_gets_it(web, row_of, alice, bob, carol, postbox):
    guest = row_of(alice, name="web")
    for user in (bob, carol):
        actor = Person(user)
        address = f"{user.username}@example.org"
        account.choose_mails(actor=actor, email=address, kinds=[notices.SHARED])
    choose(bob, "de")
    for user in (bob, carol):
        sharing.share_with_person(
            actor=Person(alice), vm_id=guest.pk, username=user.username, role="viewer"
        )
    notices.send_due_mails()
    german, english = postbox.mails
    assert german["Subject"] == "Ein Gast ist für Sie freigegeben"
    assert "alice gibt den Gast „web“ für Sie frei, als Betrachter." in german.get_content()
    assert english["Subject"] == "A guest is shared with you"
    assert "shares the guest “web” with you as Viewer." in english.get_content()
    assert "für Sie frei, als Betrachter." in texts(web(bob).get("/"), "#notices")[0]
    assert "with you as Viewer." in texts(web(carol).get("/"), "#notices")[0]


def test_the_audit_trail_is_read_in_the_language_of_the_reader(web, admin):
    choose(admin, "de")
    client = web(admin)
    assert "Eigene Sprache wählen" in client.get(reverse("activity")).content.decode()
    choose(admin, "en")
    assert "Choose own language" in client.get(reverse("activity")).content.decode()


def test_what_the_audit_trail_keeps_of_a_refusal_is_english(make_guest, alice):
    Quota.objects.create(scope="site", guests=0)
    with translation.override("de"), pytest.raises(Invalid) as caught:
        make_guest(alice, "web")
    (problem,) = caught.value.fields.values()
    with translation.override("de"):
        assert "erlaubt" in messages.sentence(problem)
    kept = AuditEntry.objects.get(phase="refused").detail["params"]
    assert kept["whose"] == "The site's quota for you"
    assert kept["limit"] == "0 guests"
