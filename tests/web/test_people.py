"""People: add, role, deactivate, reset; for administrators."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.web.conftest import error_beside, texts, value_of
from vms.models import Role, User


def url(name: str, user: User) -> str:
    return reverse(name, args=[user.pk])


def test_page_lists_accounts(web, admin, alice):
    names = texts(web(admin).get(reverse("people")), "tbody b")
    assert names == ["admin", "alice"]


def test_added_person_gets_a_one_time_password_shown_once(web, admin):
    data = {"username": "dora", "full_name": "Dora <b>", "role": "user"}
    answer = web(admin).post(reverse("person-add"), data)
    (password,) = texts(answer, "#secret")
    dora = User.objects.get(username="dora")
    assert dora.check_password(password)
    assert dora.must_change_password
    assert "no-store" in answer["Cache-Control"]
    assert password not in web(admin).get(reverse("people")).content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("username", "", "required"),
        ("username", "a b", "Letters"),
        ("username", "admin", "already"),
        ("username", "ADMIN", "already"),
        ("role", "king", "valid choice"),
        ("full_name", "x" * 151, "150"),
    ],
)
def test_wrong_field_says_so_and_nobody_is_added(web, admin, field, value, words):
    data = {"username": "dora", "full_name": "", "role": "user", field: value}
    answer = web(admin).post(reverse("person-add"), data)
    assert answer.status_code == 422
    assert words in error_beside(answer, field)
    if field != "role":
        assert value_of(answer, field) == value
    assert User.objects.count() == 1


def test_role_can_be_changed(web, admin, alice):
    web(admin).post(url("person-role", alice), {"role": "administrator"})
    alice.refresh_from_db()
    assert alice.role == Role.ADMINISTRATOR


def test_last_administrator_stays_one(web, admin):
    client = web(admin)
    page = {"Referer": f"http://testserver{reverse('people')}"}
    client.post(url("person-role", admin), {"role": "user"}, headers=page)
    admin.refresh_from_db()
    assert admin.role == Role.ADMINISTRATOR
    assert "last active administrator" in texts(client.get(reverse("people")), ".is-error")[0]


def test_deactivated_person_is_out_at_once(web, admin, alice):
    hers = web(alice)
    web(admin).post(url("person-deactivate", alice))
    assert hers.get("/").status_code == 302
    web(admin).post(url("person-reactivate", alice))
    alice.refresh_from_db()
    assert alice.is_active


def test_closing_an_account_asks_who_takes_the_guests(web, admin, alice, bob, make_guest):
    guest, second = make_guest(alice, "web <b>"), make_guest(alice, "db")
    make_guest(bob, "db")
    client, place = web(admin), url("person-deactivate", alice)
    page = client.get(place)
    assert "owns 2 guests" in texts(page, ".sheet-body")[0]
    assert "web <b>" in texts(page, ".tag")
    unanswered = client.post(place, {"heir": ""})
    assert unanswered.status_code == 422
    assert error_beside(unanswered, "heir")
    assert User.objects.get(pk=alice.pk).is_active
    told = client.post(place, {"heir": str(bob.pk)})
    assert "db" in texts(told, ".disk-list li")[0]
    assert "already a guest called" in texts(told, ".disk-list li")[0]
    guest.refresh_from_db()
    second.refresh_from_db()
    assert (guest.owner, second.owner) == (bob, alice)
    assert not User.objects.get(pk=alice.pk).is_active


def test_guests_can_be_left_without_an_owner(web, admin, alice, make_guest):
    guest = make_guest(alice, "web")
    answer = web(admin).post(url("person-deactivate", alice), {"heir": "nobody"})
    assert answer["Location"] == reverse("people")
    guest.refresh_from_db()
    assert guest.owner is None


def test_nobody_deactivates_himself(web, admin):
    assert web(admin).post(url("person-deactivate", admin)).status_code == 409
    admin.refresh_from_db()
    assert admin.is_active


def test_reset_password_is_shown_once_and_works(web, admin, alice):
    answer = web(admin).post(url("person-password", alice))
    (password,) = texts(answer, "#secret")
    alice.refresh_from_db()
    assert alice.check_password(password)


def test_mallory_manages_nobody(web, mallory, alice):
    client = web(mallory)
    for name in ("people", "person-add"):
        assert client.get(reverse(name)).status_code == 403
    assert client.post(reverse("person-add"), {"username": "x", "role": "user"}).status_code == 403
    for name in ("person-role", "person-deactivate", "person-reactivate", "person-password"):
        data = {"role": "administrator"}
        assert client.post(url(name, mallory), data).status_code in {403, 404}
        assert client.post(url(name, alice), data).status_code in {403, 404}
    mallory.refresh_from_db()
    assert mallory.role == Role.USER
