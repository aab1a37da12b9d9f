"""The docs page of the API, made on the server from the OpenAPI document.

No script and no request to any other host: it works under the site's strict content policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

Json = dict[str, Any]  # Any: an OpenAPI document is JSON of many shapes


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """A parameter or a field of a body."""

    name: str
    place: str
    type: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class AnswerDoc:
    """An answer: its status and the name of its schema."""

    status: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class OperationDoc:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    fields: tuple[FieldDoc, ...]
    answers: tuple[AnswerDoc, ...]
    example: str


@dataclass(frozen=True, slots=True)
class SchemaDoc:
    """One schema with its fields, or the values it takes."""

    name: str
    description: str
    fields: tuple[FieldDoc, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    operations: tuple[OperationDoc, ...]


@login_required
def docs(request: HttpRequest) -> HttpResponse:
    """Show every operation and every schema."""
    from vms.api import api

    document = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    schemas = document["components"]["schemas"]
    context = {
        "groups": _groups(document, request.build_absolute_uri("/").rstrip("/")),
        "schemas": [_schema(name, schemas[name]) for name in sorted(schemas)],
        "version": document["info"]["version"],
        "description": document["info"]["description"],
    }
    return render(request, "api/docs.html", context)


def _groups(document: Json, origin: str) -> list[Group]:
    by_tag: dict[str, list[OperationDoc]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            doc = _operation(document, origin, path, method, operation)
            by_tag.setdefault(operation["tags"][0], []).append(doc)
    return [Group(tag, tuple(operations)) for tag, operations in by_tag.items()]


def _operation(
    document: Json, origin: str, path: str, method: str, operation: Json
) -> OperationDoc:
    return OperationDoc(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        fields=(*_parameters(operation), *_body(document, operation)),
        answers=tuple(_answers(operation)),
        example=_curl(origin, path, method, operation),
    )


def _parameters(operation: Json) -> Iterator[FieldDoc]:
    places = {"path": _("path"), "query": _("query")}
    for parameter in operation["parameters"]:
        yield FieldDoc(
            name=parameter["name"],
            place=places.get(parameter["in"], parameter["in"]),
            type=type_of(parameter["schema"]),
            is_required=parameter["required"],
            description=parameter.get("description", ""),
        )


def _body(document: Json, operation: Json) -> Iterator[FieldDoc]:
    schema = _json_schema(operation.get("requestBody", {}))
    names = [_ref_name(part) for part in (schema, *schema.get("anyOf", ())) if "$ref" in part]
    for name in names:
        yield from _fields(document["components"]["schemas"][name], _("body"))


def _fields(schema: Json, place: str) -> Iterator[FieldDoc]:
    required = set(schema.get("required", ()))
    for name, details in schema.get("properties", {}).items():
        description = details.get("description", "")
        yield FieldDoc(name, place, type_of(details), name in required, description)


def _answers(operation: Json) -> Iterator[AnswerDoc]:
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        schema: Json = next((body.get("schema", {}) for body in content.values()), {})
        shown = type_of(schema) if schema else ""
        yield AnswerDoc(status, answer["description"], shown)


def _schema(name: str, schema: Json) -> SchemaDoc:
    values = tuple(str(value) for value in schema.get("enum", ()))
    return SchemaDoc(name, schema.get("description", ""), tuple(_fields(schema, "")), values)


def _json_schema(content_holder: Json) -> Json:
    content: Json = content_holder.get("content", {})
    schema: Json = content.get("application/json", {}).get("schema", {})
    return schema


def _ref_name(schema: Json) -> str:
    return str(schema["$ref"]).rsplit("/", 1)[-1]


def type_of(schema: Json) -> str:
    """Name the type of a JSON schema in a few words, e.g. "list of Vm" or "uuid or null"."""
    if "$ref" in schema:
        return _ref_name(schema)
    for union in ("anyOf", "allOf", "oneOf"):
        if union in schema:
            return _(" or ").join(type_of(part) for part in schema[union])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return _("list of %(type)s") % {"type": type_of(schema.get("items", {}))}
    return str(schema.get("format") or schema.get("contentMediaType") or schema.get("type", "any"))


def _curl(origin: str, path: str, method: str, operation: Json) -> str:
    parts = ["curl"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    parts.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in operation:
        parts.append("-H 'Content-Type: application/json' -d @body.json")
    return " ".join([*parts, f"'{origin}{path}'"])
