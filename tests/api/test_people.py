"""People through the API: what the page People does, by the same services."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator

from tests.api.conftest import problem_of
from vms.models import Group, Invitation, Replay, RoleRule, User


@pytest.fixture
def client(admin, api_of):
    return api_of(admin)


def test_somebody_is_added_and_logs_in_with_his_one_time_password(client, db):
    made = client.post("people", {"username": "dora", "full_name": "Dora D", "role": "author"})
    assert made.status_code == 201
    body = made.json()
    row = User.objects.get(username="dora")
    assert (body["id"], body["role"], body["must_change_password"]) == (str(row.pk), "author", True)
    assert row.check_password(body["password"])
    assert client.get(made["Location"]).json()["full_name"] == "Dora D"
    assert "password" not in client.get(made["Location"]).json()


def test_a_name_that_is_taken_is_refused_at_its_field(client, alice):
    answer = client.post("people", {"username": "ALICE"})
    assert "username" in problem_of(answer)["fields"]


def test_people_are_found_by_a_part_of_their_name_and_by_role(client, admin, alice, bob):
    def names(query: str) -> list[str]:
        return [each["username"] for each in client.get(f"people?{query}").json()["items"]]

    assert names("") == ["admin", "alice", "bob"]
    assert names("q=LIC") == ["alice"]
    assert names("role=administrator") == ["admin"]


def test_an_ordinary_person_sees_and_changes_nobody(api_of, alice, bob):
    client = api_of(alice)
    assert client.get("people").json()["items"] == []
    assert client.get(f"people/{bob.pk}").status_code == 404
    assert client.patch(f"people/{bob.pk}", {"role": "administrator"}).status_code == 404
    assert client.patch(f"people/{alice.pk}", {"role": "administrator"}).status_code == 404
    assert client.post("invitations", {"role": "administrator"}).status_code == 403
    alice.refresh_from_db()
    assert alice.role == "user"


def test_the_role_of_the_last_administrator_stays(client, admin):
    answer = client.patch(f"people/{admin.pk}", {"role": "user"})
    assert (answer.status_code, problem_of(answer)["code"]) == (409, "last-administrator")


def test_closing_an_account_gives_its_guests_to_the_heir_and_ends_its_tokens(
    client, api_of, alice, bob, guest
):
    hers = api_of(alice)
    closed = client.post(f"people/{alice.pk}/deactivate", {"heir_id": str(bob.pk)})
    assert closed.status_code == 200, closed.content
    body = closed.json()
    assert (body["moved"], body["stayed"], body["person"]["is_active"]) == (1, [], False)
    guest.refresh_from_db()
    assert guest.owner == bob
    assert hers.get("me").status_code == 401
    opened = client.post(f"people/{alice.pk}/reactivate")
    assert opened.json()["is_active"] is True


def test_an_heir_that_there_is_not_is_named_by_its_field(client, alice):
    answer = client.post(f"people/{alice.pk}/deactivate", {"heir_id": str(alice.pk)})
    assert set(problem_of(answer)["fields"]) == {"heir_id"}
    alice.refresh_from_db()
    assert alice.is_active


def test_a_password_is_reset_to_one_that_works_once(client, alice):
    password = client.post(f"people/{alice.pk}/reset-password").json()["password"]
    alice.refresh_from_db()
    assert alice.check_password(password)
    assert alice.must_change_password


def test_a_lost_second_factor_is_taken_away(client, alice):
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "x"})
    assert client.get(f"people/{alice.pk}").json()["second_factors"] == 1
    assert client.delete(f"people/{alice.pk}/second-factors").status_code == 204
    assert not Authenticator.objects.filter(user=alice).exists()
    again = client.delete(f"people/{alice.pk}/second-factors")
    assert problem_of(again)["code"] == "no-second-factor"


def test_roles_that_need_a_second_factor_are_set(client):
    assert client.get("people/rules/second-factor").json() == {"roles": []}
    done = client.put("people/rules/second-factor", {"roles": ["author"]})
    assert done.json() == {"roles": ["author"]}
    assert RoleRule.objects.get(needs_second_factor=True).role == "author"


def test_who_registered_is_let_in_or_turned_away(client, db):
    waiting = [
        User.objects.create_user(username=name, is_active=False, is_pending=True)
        for name in ("eve", "frank")
    ]
    admitted = client.post(f"people/{waiting[0].pk}/admit")
    assert (admitted.json()["is_active"], admitted.json()["is_pending"]) == (True, False)
    assert client.post(f"people/{waiting[1].pk}/turn-away").status_code == 204
    assert not User.objects.filter(username="frank").exists()
    assert client.post(f"people/{waiting[0].pk}/turn-away").status_code == 404


def test_a_list_is_checked_line_by_line_and_made_all_or_none(client, alice):
    Group.objects.create(name="Team")
    bad = "username,role,group\ngina,user,Team\nalice,user,\nhugo,king,Nowhere"
    lines = client.post("people/list/check", {"text": bad}).json()
    assert [sorted(line["problems"]) for line in lines] == [[], ["username"], ["group", "role"]]
    assert client.post("people/list", {"text": bad}).status_code == 422
    assert not User.objects.filter(username="gina").exists()
    made = client.post("people/list", {"text": "username,group\ngina,Team"})
    (one,) = made.json()["made"]
    row = User.objects.get(username="gina")
    assert row.check_password(one["password"])
    assert row.memberships.get().group.name == "Team"


def test_an_invitation_is_made_listed_used_by_its_link_and_withdrawn(client, db):
    group = Group.objects.create(name="Team")
    made = client.post("invitations", {"role": "author", "group_id": str(group.pk), "days": 3})
    assert made.status_code == 201
    body = made.json()
    assert (body["role"], body["group"]["name"], body["mail"]) == ("author", "Team", "")
    assert client.client.get(body["url"]).status_code == 200
    assert [each["id"] for each in client.get("invitations").json()] == [body["id"]]
    assert "url" not in client.get("invitations").json()[0]
    assert client.delete(f"invitations/{body['id']}").status_code == 204
    assert client.client.get(body["url"]).status_code == 404
    assert client.get("invitations").json() == []


def test_an_invitation_is_mailed_where_there_is_an_address(client, postbox):
    body = client.post("invitations", {"email": "new@example.org"}).json()
    assert body["mail"] == "sent"
    (mail,) = postbox.mails
    assert body["url"] in mail.get_content()
    assert postbox.recipients == ["new@example.org"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("people", {"username": "dora"}),
        ("people/list", {"text": "username\ndora"}),
        ("invitations", {}),
    ],
)
def test_what_is_shown_once_is_the_same_for_a_request_sent_twice_and_not_kept_in_the_clear(
    client, path, body
):
    first, second = (
        client.request("POST", path, body, **{"Idempotency-Key": "k"}) for _each in range(2)
    )
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert User.objects.filter(username="dora").count() + Invitation.objects.count() == 1
    kept = Replay.objects.get()
    said = first.json()
    secret = said.get("password") or said.get("url") or said["made"][0]["password"]
    assert secret.rsplit("/", 2)[-2 if "/" in secret else -1] not in kept.body
