"""docs/api.md names only what is there."""

from __future__ import annotations

import re
from pathlib import Path

from vms.api import api
from vms.hypervisor.types import Verb

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
CALL = re.compile(r"(?:api|curl)\b(?P<options>[^|\n]*?)\"?\$SITE(?P<path>/api/v1/[^\s\"?]+)")


def documented() -> list[tuple[str, str]]:
    """Method and path of every example, ids replaced by a placeholder."""
    calls = []
    for call in CALL.finditer(TEXT):
        method = re.search(r"-X (\w+)", call["options"])
        path = re.sub(r"\$\w+", "{}", call["path"])
        calls.append((method[1].lower() if method else "get", path))
    return calls


def known() -> set[tuple[str, str]]:
    """Method and path of every operation, verbs spelled out."""
    found = set()
    for path, methods in api.get_openapi_schema()["paths"].items():
        for verb in Verb:
            shape = re.sub(r"\{\w+\}", "{}", path.replace("{verb}", verb.value))
            found |= {(method, shape) for method in methods}
    return found


def test_every_example_is_an_operation():
    examples = documented()
    assert len(examples) > 15
    assert [example for example in examples if example not in known()] == []


def test_every_power_verb_is_named():
    assert [verb for verb in Verb if f"`{verb.value}`" not in TEXT] == []
