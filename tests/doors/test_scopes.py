"""Tokens of a narrow scope: whoever has one, they change nothing, or only power."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tests.doors import walk
from tests.doors.api import API
from tests.doors.conftest import World, token_of
from tests.doors.test_doors import _operation, outcome, undone
from vms.models import ApiToken

CHANGING = [operation for operation in API if not operation.startswith("GET ")]
HARMLESS = {
    "POST vms/actions/{verb}": "answers for each guest by itself: below",
    "POST vms/actions/tag": "as above",
    "POST vms/actions/delete": "as above",
}


def client_of(world: World, scope: str, who: str = "admin") -> Client:
    """A client with a token of that scope."""
    secret = token_of(world.people[who])
    ApiToken.objects.filter(user=world.people[who]).update(scope=scope)
    client = Client(raise_request_exception=False)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


@pytest.mark.parametrize("operation", [each for each in CHANGING if each not in HARMLESS])
def test_a_token_that_may_read_is_refused_whatever_changes_something(world, operation):
    client, row = client_of(world, "read"), walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    assert outcome(undone(lambda: _operation(client, operation, row, args))) in {"403", "404"}


POWER = "POST vms/{vm_id}/actions/{verb}"


@pytest.mark.parametrize("operation", [each for each in CHANGING if each not in {*HARMLESS, POWER}])
def test_a_token_for_power_is_refused_whatever_else_changes_something(world, operation):
    client, row = client_of(world, "power"), walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    assert outcome(undone(lambda: _operation(client, operation, row, args))) in {"403", "404"}


def test_a_token_for_power_lets_its_owner_do_power_verbs_and_no_stranger(world):
    row = walk.row(API[POWER])
    args = world.filled(walk.parts_of(POWER), row.args)
    for who, wanted in (("owner", "in"), ("stranger", "404")):
        client = client_of(world, "power", who)
        assert outcome(undone(lambda: _operation(client, POWER, row, args))) == wanted  # noqa: B023


FOR_CHANGING = {
    "GET vms/{vm_id}/disks",
    "GET vms/{vm_id}/cloud-init",
    "GET me/sessions",
    "GET people/rules/second-factor",
    "GET invitations",
    "GET images/catalogue/entries",
}
"""Read only by who may change what is in it."""
READ = [each for each in API if each.startswith("GET ") and each not in FOR_CHANGING]


@pytest.mark.parametrize("operation", READ)
def test_a_token_that_may_read_reads_what_its_owner_reads(world, operation):
    row = walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    whole, narrow = client_of(world, "all"), client_of(world, "read", "auditor")
    world.people["auditor"].role = "administrator"
    world.people["auditor"].save(update_fields=["role"])
    seen = [
        outcome(undone(lambda: _operation(each, operation, row, args)))  # noqa: B023
        for each in (whole, narrow)
    ]
    assert seen[0] == seen[1]


@pytest.mark.parametrize(("scope", "wanted"), [("read", "forbidden"), ("power", "")])
def test_many_guests_at_once_ask_for_each_of_them(world, scope, wanted):
    client, vm_id = client_of(world, scope), world.things["vm_id"]
    for verb in ("start", "delete"):
        row = walk.row(API["POST vms/actions/{verb}"])
        body = {**(row.body or {}), "ids": [vm_id]}
        answer = undone(
            lambda: client.generic(
                "POST",
                f"{walk.API_ROOT}vms/actions/{verb}",  # noqa: B023
                json.dumps(body).encode(),  # noqa: B023
                content_type="application/json",
            )
        )
        (result,) = answer.json()
        is_refused = result["code"] == "forbidden"
        assert is_refused == (wanted == "forbidden" or verb == "delete"), result


def test_a_token_that_may_read_may_watch_and_not_sit_down(world):
    client, vm_id = client_of(world, "read"), world.things["vm_id"]
    url = f"{walk.API_ROOT}vms/{vm_id}/console"
    for mode, wanted in (("view", {200, 201, 409, 503}), ("control", {403})):
        answer = client.post(url, {"mode": mode}, content_type="application/json")
        assert answer.status_code in wanted, answer.content
