"""What every operation refuses in a request before it looks at it: text that is none, and a body
where none is taken.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError, ValidationError

Json = Any  # whatever JSON can hold
Loc = tuple[str | int, ...]
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL does not keep, and halves of pairs, which are no characters: JSON can say both.
"""
_PART = re.compile(r"<(?:\w+:)?(\w+)>")


def template_of(route: str) -> str:
    """Write a route of Django's as OpenAPI does: "vms/<uuid:vm_id>" is "/vms/{vm_id}"."""
    return "/" + _PART.sub(r"{\1}", route)


def bodiless(document: dict[str, Json]) -> frozenset[tuple[str, str]]:
    """Find the operations of an OpenAPI document that take no body, as method and path."""
    return frozenset(
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "get" and "requestBody" not in operation
    )


def require_text(request: HttpRequest) -> None:
    """Refuse texts that hold what is no character, anywhere. Raises ValidationError.

    A body that is no JSON is left for whoever reads it.
    """
    said: list[tuple[Loc, Json]] = [
        (("query", name, number), value)
        for name, values in request.GET.lists()
        for number, value in enumerate(values)
    ]
    with contextlib.suppress(ValueError, RecursionError):
        said.append((("body", "data"), json.loads(request.body or b"null")))
    wrong = [_finding(loc, "no_text") for loc, text in _texts(said) if _NO_TEXT.search(text)]
    if wrong:
        raise ValidationError(wrong)


def require_no_body(request: HttpRequest) -> None:
    """Refuse a body that says something. Raises ValidationError, or HttpError for no JSON."""
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise HttpError(400, "no JSON") from error
    if body is None or body == {}:
        return
    if not isinstance(body, dict):
        raise ValidationError([_finding(("body", "data"), "model_type")])
    raise ValidationError([_finding(("body", "data", name), "extra_forbidden") for name in body])


def _texts(said: list[tuple[Loc, Json]]) -> Iterator[tuple[Loc, str]]:
    """Find each text and each name of a field; without recursion, for a body may be deep."""
    waiting = list(reversed(said))
    while waiting:
        loc, value = waiting.pop()
        if isinstance(value, str):
            yield loc, value
        elif isinstance(value, list):
            waiting.extend((((*loc, number), each)) for number, each in enumerate(value))
        elif isinstance(value, dict):
            for name, each in value.items():
                yield loc, name
                waiting.append(((*loc, name), each))


def _finding(loc: Loc, kind: str) -> dict[str, Json]:
    """Make a finding like those of pydantic."""
    return {"loc": loc, "type": kind, "msg": "", "ctx": {}}
