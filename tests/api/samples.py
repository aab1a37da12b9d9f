"""Bodies and parameters made from the OpenAPI document, and changed in one place at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = Any  # whatever JSON can hold
Place = tuple[str | int, ...]
"""Where a value stands in a body."""
UUID = "00000000-0000-4000-8000-000000000000"
_FORMATS = {
    "uuid": UUID,
    "date-time": "2040-01-01T00:00:00Z",
    "password": "x",
}


@dataclass(frozen=True)
class Operation:
    """An operation with what may be sent to it."""

    name: str
    method: str
    path: str
    parameters: tuple[dict[str, Json], ...]
    body: Json
    """A body in which every field says something; None where it takes none."""


def operations(document: dict[str, Json]) -> Iterator[Operation]:
    """Read every operation of a document."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            content = described.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            yield Operation(
                name=f"{method.upper()} {path}",
                method=method.upper(),
                path=path,
                parameters=tuple(described["parameters"]),
                body=None if schema is None else sample(document, schema),
            )


def sample(document: dict[str, Json], schema: dict[str, Json]) -> Json:
    """Make a value of a schema, with every field that it may have."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return sample(document, document["components"]["schemas"][name])
    for union in ("anyOf", "allOf", "oneOf"):
        if union in schema:
            chosen = next(each for each in schema[union] if each.get("type") != "null")
            return sample(document, chosen)
    if "enum" in schema or "const" in schema:
        return schema.get("const") or schema["enum"][0]
    return _of_type(document, schema)


def _of_type(document: dict[str, Json], schema: dict[str, Json]) -> Json:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {name: sample(document, each) for name, each in fields.items()}
        case "array":
            return [sample(document, schema["items"])]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return _FORMATS.get(schema.get("format", ""), "x")


def places(value: Json, kind: type, at: Place = ()) -> Iterator[Place]:
    """Find each place in a body where a value of a kind stands."""
    if type(value) is kind:
        yield at
    inner = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for key, each in inner:
        yield from places(each, kind, (*at, key))


def changed(body: Json, place: Place, value: Json) -> Json:
    """Copy a body with another value in one place."""
    if not place:
        return value
    whole = copy.deepcopy(body)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return whole
