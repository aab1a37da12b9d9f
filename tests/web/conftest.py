"""Browsers of the standard cast, and pages as trees."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import lxml.html
import pytest
from django.http import HttpResponse
from django.test import Client

from vms.models import VM, Host, User

SCRIPT = {"X-Kvmweb": "1"}
"""What our scripts send, so that the answer is a fragment or an event."""
Browser = Callable[[User], Client]


@pytest.fixture
def web() -> Browser:
    """Give a browser in which that user has logged in."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def row_of(test_host: Host) -> Callable[..., VM]:
    """Make a guest's row alone, for pages that read nothing else: row_of(owner, name="x")."""

    def make(owner: User | None, **fields: object) -> VM:
        pk = uuid.uuid4()
        defaults = {"name": f"g-{pk.hex[:8]}", "state": "off", "vcpus": 1, "memory_mib": 64}
        values = {**defaults, **fields}
        return VM.objects.create(id=pk, domain_uuid=pk, host=test_host, owner=owner, **values)

    return make


def tree(response: HttpResponse) -> lxml.html.HtmlElement:
    """Read a page."""
    return lxml.html.fromstring(response.content.decode())


def texts(response: HttpResponse, selector: str) -> list[str]:
    """Give the texts of all elements that match, with single spaces."""
    found = tree(response).cssselect(selector)
    return [" ".join(element.text_content().split()) for element in found]


def error_beside(response: HttpResponse, field: str) -> str:
    """Give the message at a field, as a screen reader finds it."""
    page = tree(response)
    (control,) = page.cssselect(f"[name={field}]")
    assert control.get("aria-invalid") == "true", f"{field} is not marked as wrong"
    ids = (control.get("aria-describedby") or "").split()
    (place,) = [part for part in ids if part.endswith("-errors")]
    return str(page.get_element_by_id(place).text_content()).strip()


def value_of(response: HttpResponse, field: str) -> str:
    """Give what stands in a field."""
    (control,) = tree(response).cssselect(f"[name={field}]")
    if control.tag == "textarea":
        return str(control.text or "").removeprefix("\n")
    return str(control.get("value") or "")
