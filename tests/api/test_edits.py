"""Whoever edits what has changed since he read it is told (If-Match); whoever sends a create twice
makes one thing (Idempotency-Key): for every edit and every create of the API.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.conftest import problem_of
from tests.api.test_openapi import SNAPSHOT
from vms.models import ConsoleLink, Group, Membership, Replay, Share, Template

DOCUMENT = json.loads(SNAPSHOT.read_text())
NOTHING_TO_LOSE = {
    "eject_iso": "what is not there any more cannot be overwritten",
}
NOT_MADE_TWICE = {
    "act_on_vms": "done to what there is",
    "open_console": "a ticket is good for half a minute; ask for another",
    "power_vm": "a state is asked for, and asked twice it is the same",
    "cancel_job": "a state is asked for, and asked twice it is the same",
    "stop_recording": "a state is asked for, and asked twice it is the same",
    "move_volume": "one that moves is refused a second time",
    "wipe_volume": "wiped twice it is as empty",
    "delete_vm": "deleted twice it is as gone",
    "delete_pool": "deleted twice it is as gone",
}


def headers_of(operation) -> set[str]:
    return {each["name"] for each in operation["parameters"] if each["in"] == "header"}


def operations(*methods: str):
    return [
        operation
        for path in DOCUMENT["paths"].values()
        for method, operation in path.items()
        if method in methods
    ]


def test_every_edit_knows_if_match():
    without = {each["operationId"] for each in operations("put", "patch")} - {
        each["operationId"] for each in operations("put", "patch") if "If-Match" in headers_of(each)
    }
    assert without <= set(NOTHING_TO_LOSE)


def test_every_create_knows_idempotency_key():
    makes = [
        each for each in operations("post", "delete") if {"201", "202"} & set(each["responses"])
    ]
    without = {each["operationId"] for each in makes if "Idempotency-Key" not in headers_of(each)}
    assert without <= set(NOT_MADE_TWICE)


@pytest.fixture
def things(alice, bob, guest, template, image, test_host) -> dict[str, str]:
    group = Group.objects.create(name="Team")
    Membership.objects.create(group=group, user=bob)
    share = Share.objects.create(vm=guest, user=bob, role="viewer")
    found = {
        "vm": guest.pk,
        "template": template.pk,
        "group": group.pk,
        "bob": bob.pk,
        "share": share.pk,
        "pool": image.pool_id,
        "host": test_host.pk,
        "image": image.pk,
    }
    return {name: str(pk) for name, pk in found.items()}


EDITS = [
    ("PATCH", "people/{bob}", {"role": "author"}, {"role": "auditor"}),
    ("PUT", "people/rules/second-factor", {"roles": ["author"]}, {"roles": []}),
    ("PATCH", "me", {"full_name": "a"}, {"full_name": "b"}),
    ("PUT", "me/mails", {"email": "", "kinds": []}, {"email": "", "kinds": ["shared"]}),
    ("PATCH", "vms/{vm}", {"tags": ["a"]}, {"tags": ["b"]}),
    ("PUT", "vms/{vm}/owner", {"owner_id": "{bob}"}, {"owner_id": None}, "vms/{vm}"),
    (
        "PUT",
        "vms/{vm}/lease",
        {"until": "2040-01-01T00:00:00Z"},
        {"until": "2041-01-01T00:00:00Z"},
        "vms/{vm}",
    ),
    ("PUT", "vms/{vm}/recording-policy", {"policy": "always"}, {"policy": "off"}),
    ("PATCH", "vms/{vm}/shares/{share}", {"role": "operator"}, {"role": "owner"}),
    ("PATCH", "templates/{template}", {"name": "a"}, {"name": "b"}),
    ("PUT", "templates/{template}/access", {"is_for_all": False}, {"is_for_all": True}),
    ("PATCH", "groups/{group}", {"name": "a"}, {"name": "b"}),
    ("PATCH", "groups/{group}/members/{bob}", {"is_manager": True}, {"is_manager": False}),
    ("PUT", "quotas/site", {"guests": 1}, {"guests": 2}),
    ("PUT", "quotas/users/{bob}", {"guests": 1}, {"guests": 2}),
    ("PUT", "quotas/groups/{group}", {"guests": 1}, {"guests": 2}),
    ("PUT", "leases/site", {"default_days": 1}, {"default_days": 2}),
    ("PUT", "leases/groups/{group}", {"default_days": 1}, {"default_days": 2}),
    (
        "PUT",
        "hosts/{host}/consoles",
        {"console_gateway_url": "https://a.example.org:6080"},
        {"console_gateway_url": "https://b.example.org:6080"},
    ),
    (
        "PUT",
        "pools/{pool}/autostart",
        {"has_autostart": True},
        {"has_autostart": False},
        "pools/{pool}",
    ),
]


@pytest.mark.parametrize("edit", EDITS, ids=[f"{each[0]} {each[1]}" for each in EDITS])
def test_an_edit_of_what_another_has_changed_is_refused_and_not_done(api_of, admin, things, edit):
    method, path, first, second, *read_at = edit
    client = api_of(admin)
    address, seen_at = (each.format(**things) for each in (path, *read_at, path)[:2])
    bodies = [json.loads(_filled(json.dumps(body), things)) for body in (first, second)]
    seen = client.get(seen_at)["ETag"]
    done = client.request(method, address, bodies[0], **{"If-Match": seen})
    assert done.status_code == 200, done.content
    now = client.get(seen_at)
    assert done["ETag"] == now["ETag"] != seen
    late = client.request(method, address, bodies[1], **{"If-Match": seen})
    assert (late.status_code, problem_of(late)["code"]) == (412, "changed-meanwhile")
    assert client.get(seen_at)["ETag"] == now["ETag"]
    again = client.request(method, address, bodies[1], **{"If-Match": f"{seen}, {now['ETag']}"})
    assert again.status_code == 200
    assert client.request(method, address, bodies[0], **{"If-Match": "*"}).status_code == 200


def _filled(text: str, things: dict[str, str]) -> str:
    for name, value in things.items():
        text = text.replace("{" + name + "}", value)
    return text


def test_a_volume_grown_meanwhile_is_not_resized(api_of, admin, things):
    client = api_of(admin)
    assert client.get(f"volumes/{things['image']}")["ETag"]
    late = client.request(
        "POST",
        f"volumes/{things['image']}/resize",
        {"capacity_bytes": 1 << 31},
        **{"If-Match": '"other"'},
    )
    assert late.status_code == 412


CREATES = [
    ("groups", {"name": "New"}, lambda: Group.objects.filter(name="New")),
    (
        "groups/{group}/members",
        {"username": "alice"},
        lambda: Membership.objects.filter(user__username="alice"),
    ),
    (
        "vms/{vm}/shares",
        {"username": "carol", "role": "viewer"},
        lambda: Share.objects.filter(user__username="carol"),
    ),
    (
        "vms/{vm}/console-links",
        {"name": "n", "expires_at": "{soon}"},
        lambda: ConsoleLink.objects.filter(name="n"),
    ),
    (
        "templates",
        {"image_id": "{image}", "name": "New"},
        lambda: Template.objects.filter(name="New"),
    ),
]


@pytest.mark.parametrize("create", CREATES, ids=[each[0] for each in CREATES])
def test_a_create_sent_twice_makes_one_thing_and_gives_one_answer(
    api_of, admin, carol, guest, has_displays, things, soon, create
):
    type(guest).objects.update(has_vnc=True)
    path, body, rows = create
    client = api_of(admin)
    said = json.loads(_filled(json.dumps(body), {**things, "soon": soon}))
    address = path.format(**things)
    answers = [
        client.request("POST", address, said, **{"Idempotency-Key": "k"}) for _each in range(2)
    ]
    assert [each.status_code for each in answers] == [201, 201], answers[0].content
    assert answers[0].json() == answers[1].json()
    assert rows().count() == 1
    if "Location" in answers[0]:
        assert client.get(answers[0]["Location"]).status_code == 200
        assert answers[1]["Location"] == answers[0]["Location"]


@pytest.fixture
def soon() -> str:
    return (timezone.now() + timedelta(days=1)).isoformat()


def test_the_secret_of_a_link_is_not_kept_in_the_clear(api_of, alice, guest, has_displays, soon):
    type(guest).objects.update(has_vnc=True)
    made = api_of(alice).request(
        "POST",
        f"vms/{guest.pk}/console-links",
        {"name": "n", "expires_at": soon},
        **{"Idempotency-Key": "k"},
    )
    secret = made.json()["url"].split("#")[1]
    row = Replay.objects.get()
    assert row.body
    assert secret not in f"{row.body}{row.fingerprint}{row.location}"
