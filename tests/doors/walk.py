"""Walk the URL configuration: every route of the pages, of the API, and of the raw callables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from tests.doors.cast import Access, Row
from vms.api import api

ASGI = Path(__file__).resolve().parents[2] / "kvmweb" / "asgi.py"
API_ROOT = "/api/v1/"
API_ITSELF = {"openapi-json", "docs", "api-root", "no-route", "redeem", "still", "closed"}
"""Routes under the API that are no operations: documents, the answer for what is nowhere, and what
gateways ask (tests/api/test_gateway.py)."""


@dataclass(frozen=True)
class Route:
    """A page: its name and the names of the parts of its path."""

    name: str
    parts: tuple[str, ...]


def pages() -> list[Route]:
    """Every route of Django's that is not an operation of the API."""
    return [
        Route(str(pattern.name), tuple(pattern.pattern.converters))
        for pattern in _patterns(get_resolver().url_patterns)
        if not _is_api(pattern)
    ]


def _patterns(found: list[Any]) -> Iterator[URLPattern]:
    for each in found:
        if isinstance(each, URLResolver):
            if each.namespace != "api":
                yield from _patterns(each.url_patterns)
        else:
            yield each


def _is_api(pattern: URLPattern) -> bool:
    return str(pattern.pattern).startswith("api/")


def api_itself() -> set[str]:
    """Names of the API's routes that are no operations."""
    (resolver,) = [r for r in get_resolver().url_patterns if getattr(r, "namespace", "") == "api"]
    methods = api.get_openapi_schema()["paths"].values()
    ids = {operation["operationId"] for each in methods for operation in each.values()}
    return {str(pattern.name) for pattern in resolver.url_patterns} - ids


def operations() -> list[str]:
    """Every operation of the API, as "GET vms/{vm_id}"."""
    return [
        f"{method.upper()} {path.removeprefix(API_ROOT)}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    ]


def raw_callables() -> set[str]:
    """What kvmweb/asgi.py hands a connection to, by name."""
    return {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(ASGI.read_text()))
        if isinstance(node, ast.Call)
        and [ast.unparse(arg) for arg in node.args[:1]] == ["scope"]
        and len(node.args) > 1
    }


def parts_of(path: str) -> list[str]:
    """Name the parts of a path of the API."""
    return re.findall(r"\{(\w+)\}", path)


def row(entry: Access | Row) -> Row:
    """Make a row of what stands in a table."""
    return entry if isinstance(entry, Row) else Row(entry)
