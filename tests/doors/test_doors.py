"""Every route of every door, for everybody: the tables in pages.py, api.py and here are complete,
and true.

A route without a row fails, with a sentence that says what to add.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.doors import walk
from tests.doors.api import API
from tests.doors.cast import ROLES, Row
from tests.doors.conftest import World, token_of
from tests.doors.pages import PAGES

RAW = {
    "upload": "tests/streams/test_upload.py",
    "download": "tests/streams/test_download.py",
    "playback.playback": "tests/streams/test_playback.py",
    "status": "tests/streams/test_status.py",
    "console": "tests/streams/test_console.py",
    "websocket": "the websockets' own table, below",
    "refuse": "refuses whatever is nowhere",
    "django_application": "the tables of pages and of the API",
    "http": "Django, and raw callables by their paths",
}
"""Who gets what from each callable of kvmweb/asgi.py stands there."""
PAGE_ROWS = [(name, method) for name, methods in PAGES.items() for method in methods]
Send = Callable[[str, str, dict[str, str]], HttpResponse]


def test_every_page_has_a_row_and_every_row_a_page():
    names = {route.name for route in walk.pages()}
    new = sorted(names - set(PAGES))
    assert not new, (
        f"new routes {new}: say for each method who gets what, in PAGES of tests/doors/pages.py"
    )
    gone = sorted(set(PAGES) - names)
    assert not gone, f"no such routes any more: take {gone} out of PAGES in tests/doors/pages.py"


def test_every_operation_has_a_row_and_every_row_an_operation():
    known = set(walk.operations())
    new = sorted(known - set(API))
    assert not new, f"new operations {new}: say who gets what, in API of tests/doors/api.py"
    gone = sorted(set(API) - known)
    assert not gone, f"no such operations any more: take {gone} out of API in tests/doors/api.py"
    assert walk.api_itself() == walk.API_ITSELF


def test_everything_that_asgi_serves_has_its_own_test():
    new = sorted(walk.raw_callables() - set(RAW))
    assert not new, (
        f"kvmweb/asgi.py hands connections to {new}: test who gets what from each, then name that "
        "test in RAW of tests/doors/test_doors.py"
    )


def outcome(response: HttpResponse) -> str:
    """Say what happened to somebody: in, login, 403 or 404."""
    if response.status_code in {401, 403, 404}:
        return "login" if response.status_code == 401 else str(response.status_code)
    is_sent_to_log_in = response.status_code == 302 and "/login/?next=" in response["Location"]
    return "login" if is_sent_to_log_in else "in"


def undone(act: Callable[[], HttpResponse]) -> HttpResponse:
    """Do a request and take back what it did to the rows."""
    with transaction.atomic():
        response = act()
        transaction.set_rollback(True)
    return response


@pytest.fixture
def browsers(world: World) -> dict[str, Client]:
    """A browser of each of the cast."""
    found = {role: Client(raise_request_exception=False) for role in ROLES}
    for role, user in world.people.items():
        found[role].force_login(user)
    return found


@pytest.fixture
def scripts(world: World) -> dict[str, Client]:
    """A client of the API of each of the cast, with a token."""
    found = {role: Client(raise_request_exception=False) for role in ROLES}
    for role, user in world.people.items():
        found[role].defaults["HTTP_AUTHORIZATION"] = f"Bearer {token_of(user)}"
    return found


def _page(client: Client, name: str, method: str, row: Row, args: dict[str, str]) -> HttpResponse:
    url = reverse(name, kwargs=args)
    return client.generic(method, url, *_form(row) if method == "POST" else ())


def _form(row: Row) -> tuple[bytes, str]:
    return urlencode(row.body or {}).encode(), "application/x-www-form-urlencoded"


def _operation(client: Client, operation: str, row: Row, args: dict[str, str]) -> HttpResponse:
    method, path = operation.split(" ")
    data = b"" if row.body is None else json.dumps(row.body).encode()
    url = walk.API_ROOT + path.format(**args)
    return client.generic(method, url, data, content_type="application/json")


@pytest.mark.parametrize(("name", "method"), PAGE_ROWS)
def test_a_page_is_for_those_whom_its_row_names(world, browsers, name, method):
    row, (route,) = (
        walk.row(PAGES[name][method]),
        [route for route in walk.pages() if route.name == name],
    )
    args = world.filled(list(route.parts), row.args)
    got = {
        role: outcome(undone(lambda: _page(browsers[role], name, method, row, args)))  # noqa: B023
        for role in ROLES
    }
    assert got == {role: row.access.of(role) for role in ROLES}


@pytest.mark.parametrize("operation", list(API))
def test_an_operation_is_for_those_whom_its_row_names(world, scripts, operation):
    row = walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    got = {
        role: outcome(undone(lambda: _operation(scripts[role], operation, row, args)))  # noqa: B023
        for role in ROLES
    }
    assert got == {role: row.access.of(role) for role in ROLES}


_CHANGING = re.compile(rb'csrf[^>]{0,80}(value|content)="[^"]+"|data-csrf="[^"]+"|X-CSRFToken[^}]+')


def shape(response: HttpResponse, args: dict[str, str]) -> tuple[object, ...]:
    """What tells one answer from another, without the ids that were asked for."""
    body = _CHANGING.sub(b"", response.content)
    for value in args.values():
        body = body.replace(value.encode(), b"<id>")
    headers = {name: value for name, value in response.items() if name != "Content-Length"}
    return response.status_code, sorted(headers.items()), body


def counted(act: Callable[[], HttpResponse]) -> tuple[HttpResponse, int]:
    """Do a request and count its queries."""
    with CaptureQueriesContext(connection) as queries:
        response = undone(act)
    return response, len(queries)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (name, method)
        for name, method in PAGE_ROWS
        if walk.row(PAGES[name][method]).access.of("stranger") == "404"
    ],
)
def test_a_stranger_cannot_tell_a_page_of_others_from_nothing(world, browsers, name, method):
    row = walk.row(PAGES[name][method])
    (route,) = [route for route in walk.pages() if route.name == name]
    there = world.filled(list(route.parts), row.args)
    nowhere = world.missing(list(route.parts), row.args)
    client = browsers["stranger"]
    undone(lambda: _page(client, name, method, row, there))
    one, queries = counted(lambda: _page(client, name, method, row, there))
    other, as_many = counted(lambda: _page(client, name, method, row, nowhere))
    assert shape(one, there) == shape(other, nowhere)
    assert queries == as_many


@pytest.mark.parametrize(
    "operation",
    [each for each, entry in API.items() if walk.row(entry).access.of("stranger") == "404"],
)
def test_a_stranger_cannot_tell_a_thing_of_others_from_nothing(world, scripts, operation):
    row = walk.row(API[operation])
    there = world.filled(walk.parts_of(operation), row.args)
    nowhere = world.missing(walk.parts_of(operation), row.args)
    client = scripts["stranger"]
    one, queries = counted(lambda: _operation(client, operation, row, there))
    other, as_many = counted(lambda: _operation(client, operation, row, nowhere))
    assert shape(one, there) == shape(other, nowhere)
    assert queries == as_many
