"""The contract: the OpenAPI document is committed, and its page works without any other host."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path

from django.conf import settings

from vms.api import api

SNAPSHOT = Path(__file__).with_name("openapi.json")


def contract() -> str:
    """The document as it is now; the cookie's name, which each installation has its own, is cut."""
    text = json.dumps(api.get_openapi_schema(), default=str)
    text = text.replace(settings.SESSION_COOKIE_NAME, "kvmweb_session")
    return json.dumps(json.loads(text), indent=1)


def test_the_openapi_document_is_the_one_that_was_committed():
    now = contract()
    before = SNAPSHOT.read_text().rstrip("\n") if SNAPSHOT.exists() else ""
    changes = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "committed", "now", lineterm="")
    )
    assert not changes, (
        "The API changed. If that is meant, write the new contract with\n"
        "  python -m tests.api.write_openapi\n"
        f"and tell it in CHANGELOG.md.\n{changes[:6000]}"
    )


def test_anybody_may_read_the_document(client, db):
    response = client.get("/api/v1/openapi.json")
    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.")


def test_every_operation_has_a_summary_a_description_and_an_unlike_id():
    operations = [
        operation
        for methods in api.get_openapi_schema()["paths"].values()
        for operation in methods.values()
    ]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] and operation["description"] for operation in operations)


def test_the_docs_page_needs_a_login(client, db):
    response = client.get("/api/v1/docs")
    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_the_docs_page_shows_every_operation_and_asks_no_other_host(client, alice):
    client.force_login(alice)
    response = client.get("/api/v1/docs")
    assert response.status_code == 200
    page = response.content.decode()
    for path, methods in api.get_openapi_schema()["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page, path
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert " style=" not in page
    scripts = re.findall(r"<script[^>]*>", page)
    assert all(" src=" in tag or 'type="application/json"' in tag for tag in scripts), scripts
