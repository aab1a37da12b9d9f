"""Several who edit the same thing at the same moment, each knowing what it was."""

from __future__ import annotations

import contextlib
import threading

from django.test import Client

from kvmweb import middleware
from tests.api.conftest import ApiClient
from tests.races.conftest import at_once
from vms.api import groups
from vms.models import Group
from vms.policy import SystemActor
from vms.services import tokens

EDITS = 4


def let_all_look_first(monkeypatch) -> None:
    """Let nobody change anything before everybody has looked, unless he must wait for that."""
    barrier = threading.Barrier(EDITS)
    require_match = groups.require_match

    def look(*arguments: object) -> None:
        require_match(*arguments)
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(0.5)

    monkeypatch.setattr(groups, "require_match", look)


def test_who_waits_for_an_edit_that_does_not_end_is_told_so(admin, monkeypatch):
    _token, secret = tokens.create(actor=SystemActor(), user=admin, name="test")
    path = f"groups/{Group.objects.create(name='class').pk}"
    monkeypatch.setattr(middleware.TurnsMiddleware, "WAIT_S", 0.2)
    inside, release = threading.Event(), threading.Event()

    def wait(*_arguments: object) -> None:
        inside.set()
        release.wait(20)

    monkeypatch.setattr(groups, "require_match", wait)

    def first():
        return ApiClient(Client(), secret).request("PATCH", path, {"name": "one"}).status_code

    def second():
        inside.wait(20)
        try:
            return ApiClient(Client(), secret).request("PATCH", path, {"name": "two"})
        finally:
            release.set()

    done, told = at_once(first, second)
    assert done == 200
    assert (told.status_code, told.json()["code"]) == (503, "edit-under-way")
    assert told["Retry-After"] == "15"
    assert Group.objects.get().name == "one"


def test_of_edits_that_name_the_same_state_one_is_done_and_the_others_are_told(admin, monkeypatch):
    _token, secret = tokens.create(actor=SystemActor(), user=admin, name="test")
    path = f"groups/{Group.objects.create(name='class').pk}"
    known = ApiClient(Client(), secret).get(path)["ETag"]
    let_all_look_first(monkeypatch)

    def rename(number: int):
        client, body = ApiClient(Client(), secret), {"name": f"class {number}"}
        return lambda: client.request("PATCH", path, body, **{"If-Match": known}).status_code

    results = at_once(*[rename(each) for each in range(EDITS)])
    assert sorted(results) == [200, 412, 412, 412]
