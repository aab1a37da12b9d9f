"""What a page offers works: no link, form or button on it leads to where its reader is refused."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import lxml.html
import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import Resolver404, ResolverMatch, resolve, reverse

from tests.doors import walk
from tests.doors.cast import PEOPLE
from tests.doors.conftest import World
from tests.doors.pages import PAGES
from tests.doors.test_doors import undone
from vms.models import AuditEntry

READ = ("href", "hx-get")
SENT = ("action", "formaction", "hx-post", "data-post")


def offered(page: bytes, here: str) -> Iterator[tuple[str, str]]:
    """Each method and address that the page leads to."""
    root = lxml.html.fromstring(page)
    for element in root.iter(lxml.etree.Element):
        for name in READ:
            if element.get(name):
                yield "GET", urljoin(here, element.get(name))
        for name in SENT:
            if element.get(name) is not None:
                is_read = element.tag == "form" and element.get("method", "get").lower() == "get"
                yield ("GET" if is_read else "POST"), urljoin(here, element.get(name))
        if element.tag == "form" and not element.get("action") and element.get("method") == "post":
            yield "POST", here


def matched(address: str) -> ResolverMatch | None:
    """Find the page at an address of this site."""
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return None
    return found if found.url_name in PAGES else None


def refused(role: str, method: str, found: ResolverMatch, world: World) -> bool:
    """Say whether the table refuses him that, of the things that it knows."""
    entry = PAGES[found.url_name].get(method)
    if entry is None or any(
        str(value) not in world.things.values() for value in found.kwargs.values()
    ):
        return False
    row = walk.row(entry)
    args = world.filled(list(found.kwargs), row.args)
    if {name: str(value) for name, value in found.kwargs.items()} != args:
        return False
    return row.access.of(role) != "in"


def read(client: Client, name: str, world: World) -> tuple[str, HttpResponse]:
    (route,) = [route for route in walk.pages() if route.name == name]
    row = walk.row(PAGES[name]["GET"])
    url = reverse(name, kwargs=world.filled(list(route.parts), row.args))
    return url, undone(lambda: client.get(url))


@pytest.mark.parametrize("role", PEOPLE)
def test_no_page_offers_what_its_reader_is_refused(world, role):
    client = Client(raise_request_exception=False)
    client.force_login(world.people[role])
    AuditEntry.objects.create(
        action="template.edit",
        phase="succeeded",
        door="web",
        target_kind="template",
        target_id=world.things["template_id"],
    )
    names = [name for name, methods in PAGES.items() if "GET" in methods]
    wrong = set()
    for name in names:
        if walk.row(PAGES[name]["GET"]).access.of(role) != "in":
            continue
        url, answer = read(client, name, world)
        if (
            answer.status_code != 200
            or "html" not in answer["Content-Type"]
            or not answer.content.strip()
        ):
            continue
        for method, address in offered(answer.content, url):
            found = matched(address)
            if found and refused(role, method, found, world):
                wrong.add(f"{name} offers {method} {found.url_name}")
    assert not sorted(wrong)
