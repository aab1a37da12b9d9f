"""Requests sent twice are done once, and edits of what has changed meanwhile are not done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.conftest import problem_of
from tests.support.altering import alter_templates
from vms.models import VM, Replay
from vms.services import replays


def create(client, key, template, **more):
    body = {"template_id": str(template.pk), **more}
    return client.request("POST", "vms", body, **{"Idempotency-Key": key})


def test_a_create_sent_twice_with_one_key_makes_one_guest_and_the_same_answer(
    api_of, alice, template
):
    client = api_of(alice)
    first, second = (create(client, "k 1", template, name="web") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["vm"]["id"] == second.json()["vm"]["id"]
    assert first.json() == second.json()
    assert second["Location"] == first["Location"]
    assert VM.objects.filter(owner=alice).count() == 1
    assert create(client, "k 2", template).json()["vm"]["name"] != "web"


def test_the_same_key_with_another_body_is_a_conflict(api_of, alice, template):
    client = api_of(alice)
    create(client, "k", template, name="web")
    refused = problem_of(create(client, "k", template, name="db"))
    assert (refused["status"], refused["code"]) == (409, "idempotency-other")
    assert not VM.objects.filter(name="db").exists()


def test_what_was_refused_may_be_sent_again_with_its_key(api_of, alice, template):
    client = api_of(alice)
    assert create(client, "k", template, vcpus=9999).status_code == 422
    assert create(client, "k", template, vcpus=1).status_code == 202


def test_a_key_belongs_to_one_person(api_of, alice, mallory, template):
    first = create(api_of(alice), "k", template, name="web").json()
    other = create(api_of(mallory), "k", template, name="web").json()
    assert first["vm"]["id"] != other["vm"]["id"]


def test_while_the_first_is_under_way_the_second_is_a_conflict_and_later_not(
    api_of, alice, template
):
    client = api_of(alice)
    create(client, "k", template)
    Replay.objects.update(status=None)
    assert problem_of(create(client, "k", template))["code"] == "idempotency-under-way"
    Replay.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert create(client, "k", template).status_code == 202


def test_no_password_is_kept_with_an_answer_and_answers_go_after_a_day(api_of, alice, template):
    alter_templates(has_cloud_init=True)
    create(api_of(alice), "k", template, user="me", password="correct horse")
    row = Replay.objects.get()
    assert "correct horse" not in f"{row.body}{row.fingerprint}{row.location}"
    assert replays.delete_old() == 0
    Replay.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert replays.delete_old() == 1


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_a_key_that_is_none_is_refused(api_of, alice, template, key):
    assert create(api_of(alice), key, template).status_code == 422


def test_an_edit_of_what_has_changed_meanwhile_is_not_done(api_of, alice, guest):
    client = api_of(alice)
    etag = client.get(f"vms/{guest.pk}")["ETag"]
    done = client.request("PATCH", f"vms/{guest.pk}", {"tags": ["one"]}, **{"If-Match": etag})
    assert done.status_code == 200
    late = client.request("PATCH", f"vms/{guest.pk}", {"tags": ["two"]}, **{"If-Match": etag})
    refused = problem_of(late)
    assert (refused["status"], refused["code"]) == (412, "changed-meanwhile")
    guest.refresh_from_db()
    assert guest.tags == ["one"]
    for fresh in (done["ETag"], "*", f'"0", {done["ETag"]}'):
        again = client.request("PATCH", f"vms/{guest.pk}", {"tags": ["one"]}, **{"If-Match": fresh})
        assert again.status_code == 200
    assert client.patch(f"vms/{guest.pk}", {"tags": ["three"]}).status_code == 200


def test_a_stranger_learns_nothing_from_if_match(api_of, mallory, guest):
    answer = api_of(mallory).request(
        "PATCH", f"vms/{guest.pk}", {"tags": []}, **{"If-Match": '"0"'}
    )
    assert answer.status_code == 404
