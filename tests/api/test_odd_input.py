"""Whatever stands in a body or in an address, the answer says what is wrong with it."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

import pytest

from tests.api import samples
from tests.api.conftest import problem_of
from tests.api.test_openapi import SNAPSHOT

DOCUMENT = json.loads(SNAPSHOT.read_text())
OPERATIONS = list(samples.operations(DOCUMENT))
NO_TEXT = {"NUL": "a\x00b", "half of a pair": "a\ud800b"}
"""What no database keeps, and what is no character."""
HUGE = (10**30, -(10**30))


def address(operation: samples.Operation, **parts: str) -> str:
    """Fill the parts of the path."""
    usual = {
        each["name"]: samples.sample(DOCUMENT, each["schema"])
        for each in operation.parameters
        if each["in"] == "path"
    }
    return operation.path.format(**{**usual, **parts})


def named(place: samples.Place) -> str:
    return ".".join(str(part) for part in place)


@pytest.fixture
def client(admin, api_of):
    return api_of(admin)


@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT.keys())
def test_text_that_cannot_be_kept_is_refused_in_every_field(client, text):
    wrong = []
    for operation in OPERATIONS:
        for place in samples.places(operation.body, str):
            body = samples.changed(operation.body, place, text)
            answer = client.request(operation.method, address(operation), body)
            if answer.status_code != 422 or named(place) not in problem_of(answer)["fields"]:
                wrong.append((operation.name, named(place), answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_number_that_is_too_large_or_too_small_is_refused_in_every_field(client):
    wrong = []
    for operation in OPERATIONS:
        for place in samples.places(operation.body, int):
            for number in HUGE:
                body = samples.changed(operation.body, place, number)
                answer = client.request(operation.method, address(operation), body)
                if answer.status_code != 422 or named(place) not in problem_of(answer)["fields"]:
                    wrong.append((operation.name, named(place), number, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


OTHER_KINDS = {str: (1, True, {}), int: ("1", True, 1.5), bool: ("true", 1, "")}


@pytest.mark.parametrize("kind", OTHER_KINDS, ids=lambda kind: kind.__name__)
def test_a_value_of_another_kind_is_refused_in_every_field(client, kind):
    wrong = []
    for operation in OPERATIONS:
        for place in samples.places(operation.body, kind):
            for value in OTHER_KINDS[kind]:
                body = samples.changed(operation.body, place, value)
                answer = client.request(operation.method, address(operation), body)
                if answer.status_code != 422 or named(place) not in problem_of(answer)["fields"]:
                    wrong.append((operation.name, named(place), value, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_field_that_there_is_not_is_refused_in_every_object(client):
    wrong = []
    for operation in OPERATIONS:
        for place in samples.places(operation.body, dict):
            inside = (*place, "nonsense")
            body = samples.changed(operation.body, inside, 1)
            answer = client.request(operation.method, address(operation), body)
            if answer.status_code != 422 or named(inside) not in problem_of(answer)["fields"]:
                wrong.append((operation.name, named(inside), answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_a_body_is_refused_where_none_is_taken(client):
    wrong = []
    for operation in OPERATIONS:
        if operation.body is None and operation.method != "GET":
            answer = client.request(operation.method, address(operation), {"nonsense": 1})
            if answer.status_code != 422:
                wrong.append((operation.name, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT.keys())
def test_text_that_cannot_be_kept_is_no_crash_in_any_parameter(client, text):
    """Half of a pair never gets here: an address that is no UTF-8 is read with U+FFFD in it."""
    wrong = []
    sent = quote(text, errors="surrogatepass")
    for operation in OPERATIONS:
        for parameter in operation.parameters:
            if parameter["in"] == "header":
                continue
            if parameter["in"] == "path":
                url = address(operation, **{parameter["name"]: unquote(sent)})
            else:
                url = f"{address(operation)}?{parameter['name']}={sent}"
            answer = client.request(operation.method, url, operation.body)
            allowed = {404, 422} if "\0" in text else {200, 404, 422}
            if answer.status_code not in allowed:
                wrong.append((operation.name, parameter["name"], answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))
