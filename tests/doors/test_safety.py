"""Attacks that every route withstands, found by walking the tables of doors: each test is named
after one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.doors import walk
from tests.doors.api import API
from tests.doors.conftest import World, token_of
from tests.doors.pages import PAGES
from tests.doors.test_doors import _operation, _page
from vms.models import ApiToken

GETS = [name for name, methods in PAGES.items() if "GET" in methods]
POSTS = [name for name, methods in PAGES.items() if "POST" in methods]
IGNORES_MORE = {"POST me/notices/read"}
"""Takes no notice of fields that it does not know; there is nothing that they could set."""


def rows_of_all_tables(but: tuple[str, ...] = ()) -> dict[str, str]:
    """A digest of what stands in each table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table in but:
                continue
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = "\n".join(sorted(map(repr, cursor.fetchall())))
            found[table] = hashlib.sha256(rows.encode()).hexdigest()
    return found


def unchanged(act: Callable[[], HttpResponse], but: tuple[str, ...] = ()) -> HttpResponse:
    """Do a request, and fail when it wrote anything."""
    before = rows_of_all_tables(but)
    response = act()
    after = rows_of_all_tables(but)
    written = sorted(table for table in after if after[table] != before.get(table))
    assert not written, f"it wrote into {written}"
    return response


def browser(world: World, role: str, **options: object) -> Client:
    client = Client(raise_request_exception=False, **options)
    client.force_login(world.people[role])
    return client


def args_of(world: World, name: str, method: str) -> dict[str, str]:
    (route,) = [route for route in walk.pages() if route.name == name]
    return world.filled(list(route.parts), walk.row(PAGES[name][method]).args)


@pytest.mark.parametrize("name", POSTS)
def test_a_post_without_a_csrf_token_is_refused_and_writes_nothing(world, name):
    for role in ("admin", "owner"):
        client = browser(world, role, enforce_csrf_checks=True)
        row = walk.row(PAGES[name]["POST"])
        args = args_of(world, name, "POST")
        answer = unchanged(lambda: _page(client, name, "POST", row, args))  # noqa: B023
        assert answer.status_code == 403, f"{name} as {role}"


@pytest.mark.parametrize("operation", [each for each in API if not each.startswith("GET ")])
def test_a_cookie_alone_changes_nothing_through_the_api(world, operation):
    client = browser(world, "admin", enforce_csrf_checks=True)
    row = walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    answer = unchanged(lambda: _operation(client, operation, row, args))
    assert answer.status_code == 403


@pytest.mark.parametrize("name", GETS)
def test_no_page_writes_when_it_is_read(world, name):
    row, args = walk.row(PAGES[name]["GET"]), args_of(world, name, "GET")
    is_foreign = name.startswith(("account_", "mfa_"))  # allauth keeps its place in the session
    for role in ("admin", "owner", "viewer"):
        client = browser(world, role)
        but = ("django_session",) if is_foreign else ()
        answer = unchanged(lambda: _page(client, name, "GET", row, args), but)  # noqa: B023
        assert answer.status_code < 500


@pytest.mark.parametrize("operation", [each for each in API if each.startswith("GET ")])
def test_no_operation_writes_when_it_is_read(world, operation):
    row = walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    for role in ("admin", "owner", "viewer"):
        client = Client(raise_request_exception=False)
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token_of(world.people[role])}"
        unchanged(lambda: _operation(client, operation, row, args))  # noqa: B023


BODIES = [
    each
    for each, entry in API.items()
    if isinstance(walk.row(entry).body, dict) and each not in IGNORES_MORE
]
SMUGGLED = {
    "role_on_site": "administrator",
    "is_active": True,
    "owner": "stranger",
    "host_id": "00000000-0000-4000-8000-000000000000",
    "is_administrator": True,
    "created_by": "stranger",
    "revision": 1,
    "__class__": "x",
}


@pytest.mark.parametrize("operation", BODIES)
def test_a_field_that_is_not_meant_to_be_set_is_refused(world, operation):
    """Mass assignment: one field too many, and nothing of the body is taken."""
    client = Client(raise_request_exception=False)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {token_of(world.people['admin'])}"
    row = walk.row(API[operation])
    args = world.filled(walk.parts_of(operation), row.args)
    more = {name: value for name, value in SMUGGLED.items() if name not in row.body}
    for name, value in more.items():
        wanted = type(row)(row.access, {**row.body, name: value}, row.args)
        answer = unchanged(lambda: _operation(client, operation, wanted, args))  # noqa: B023
        assert answer.status_code == 422, name


def test_no_address_counts_things(world):
    """Guessed ids: what is named in a path is named by a random UUID, or is a word."""
    words = {"name", "verb", "mark", "target", "kind", "provider_id", "secret"}
    counted = {"pk": "a passkey of one's own, behind the password"}
    for route in walk.pages():
        for part in route.parts:
            assert part in words or part in counted or len(world.things[part]) == 36, route
    for operation in walk.operations():
        for part in walk.parts_of(operation):
            assert part in words or len(world.things[part]) == 36, operation


def test_a_token_of_another_person_cannot_be_used_or_named(world):
    token = ApiToken.objects.get(pk=world.things["token_id"])
    client = browser(world, "stranger")
    url = reverse("account-token-revoke", args=[token.pk])
    assert unchanged(lambda: client.post(url)).status_code == 404
