"""A cloud-config document that a person wrote: read safely, and every fault with its line. Pure.

Passwords in clear text are refused: what a person typed would else stand in the database, in the
seed and in every copy of both. Only cloud-init's own keys are looked at; what a script in the
document does is its author's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

MAX_BYTES = 64 * 1024
MAX_NODES = 20_000
CLEAR_KEYS = frozenset({"password", "plain_text_passwd", "plain_text_password"})
"""Keys whose value cloud-init takes as clear text unless it is a hash."""
HASH_KEYS = frozenset({"passwd", "hashed_passwd", "hashed_password"})
"""Keys whose value is meant to be a hash."""
_HASH = re.compile(r"\$(?:y|gy|7|6|5|1|2[abxy])\$[^\s:]{10,}\Z")
_LOCKED = frozenset({"", "!", "!!", "*", "R", "RANDOM"})
"""No password, or one that the guest makes itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a document: a code of vms/messages.py; `line` counts from 1."""

    code: str
    line: int = 1
    params: dict[str, str] = field(default_factory=dict)


def read(text: str) -> dict[str, object]:
    """Return a document that `faults` finds nothing wrong with."""
    return yaml.safe_load(text) or {}


def faults(text: str) -> list[Fault]:
    """Return what is wrong, top to bottom; nothing for a document that may be used."""
    if len(text.encode()) > MAX_BYTES:
        return [Fault("yaml-too-large", params={"limit": str(MAX_BYTES // 1024)})]
    if text.startswith(("#!", "Content-Type:", "#include", "#upstart", "#part", "## template:")):
        return [Fault("yaml-other-kind")]
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            return [Fault("yaml-no-mapping", _line(root))]
        found = list(_walk(root))
        if not found:
            yaml.safe_load(text)  # what can be composed may still hold unknown tags
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = " ".join(part for part in (error.context, error.problem) if part)
        return [Fault("yaml-syntax", mark.line + 1 if mark else 1, {"detail": detail})]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return [Fault("yaml-syntax", line, {"detail": error.reason})]
    except (RecursionError, ValueError, TypeError):  # nested too deeply; 2001-99-99; {[]: 1}
        return [Fault("yaml-unusable")]
    return sorted(found, key=lambda fault: fault.line)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _walk(root: yaml.Node) -> Iterator[Fault]:
    """Look at each node once, however often an alias names it."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > MAX_NODES:
            yield Fault("yaml-unusable")
            return
        if isinstance(node, yaml.MappingNode):
            yield from _mapping(node)
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _mapping(node: yaml.MappingNode) -> Iterator[Fault]:
    keys: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in keys:
            yield Fault("yaml-twice", _line(key), {"name": key.value})
        keys.add(key.value)
        if key.value in CLEAR_KEYS | HASH_KEYS and _is_clear(value):
            yield Fault("yaml-clear-password", _line(value), {"name": key.value})
        if key.value == "chpasswd" and isinstance(value, yaml.MappingNode):
            yield from _change_list(value)


def _is_clear(value: yaml.Node) -> bool:
    if not isinstance(value, yaml.ScalarNode) or value.tag == "tag:yaml.org,2002:null":
        return False
    return not (_HASH.match(value.value) or value.value in _LOCKED)


def _change_list(node: yaml.MappingNode) -> Iterator[Fault]:
    """Look at chpasswd's list: "user:password" by line, as one text or as a sequence."""
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value != "list":
            continue
        entries = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for entry in entries:
            if isinstance(entry, yaml.ScalarNode):
                yield from _pairs(entry)


def _pairs(entry: yaml.ScalarNode) -> Iterator[Fault]:
    is_block = entry.style in ("|", ">")
    for number, line in enumerate(entry.value.splitlines()):
        _user, colon, password = line.partition(":")
        password = password.strip()
        if colon and not (_HASH.match(password) or password in _LOCKED):
            below = number + 1 if is_block else 0
            yield Fault("yaml-clear-password", _line(entry) + below, {"name": "chpasswd"})
