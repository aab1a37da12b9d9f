"""The language of the search box: read it, change it, and ask whether a guest matches.

Free words and terms like `state:running`, `-tag:web` or `template:"Tiny Linux"`; all must hold, and
commas stand for "or". Pure: no Django, no rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vms.hypervisor.types import VmState
from vms.problems import Problem

MAX_LENGTH = 500
UUID_WORD = 8
"""A free word of so many characters may be the beginning of a UUID; a shorter one never is."""
_TOKEN = re.compile(
    r'(?P<negation>-(?=[A-Za-z]+:))?(?:(?P<field>[A-Za-z]+):)?(?P<value>(?:"[^"]*"?|[^\s"])*)'
)
_VALUE = re.compile(r'(?:"[^"]*"?|[^,"])+')
_HEX = re.compile(r"[a-f]{1,4}\Z")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at of a guest; all texts as they are written, `label` names its state."""

    id: str
    name: str
    state: str
    label: str = ""
    owner: str = ""
    is_mine: bool = False
    template: str = ""
    os_name: str = ""
    tags: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `field` is "" for a free word, `values` are alternatives, case folded."""

    field: str
    values: tuple[str, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked; `problems` tell which parts were not understood and left out."""

    terms: tuple[Term, ...] = ()
    problems: tuple[Problem, ...] = ()


def parse(text: str) -> Search:
    """Read a search; whatever is wrong in it becomes a problem, never an error."""
    terms: list[Term] = []
    problems: list[Problem] = []
    if len(text) > MAX_LENGTH:
        problems.append(Problem("search-too-long", limit=MAX_LENGTH))
    for token in _tokens(text):
        term = _term(token)
        problem = _problem(term)
        if problem is not None:
            problems.append(problem)
        else:
            terms.append(term)
    return Search(tuple(terms), tuple(problems))


def _tokens(text: str) -> Iterator[re.Match[str]]:
    at, text = 0, text[:MAX_LENGTH]
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None or found.end() == at:  # cannot be: the value takes any character
            return
        yield found
        at = found.end()


def _term(token: re.Match[str]) -> Term:
    field = (token["field"] or "").casefold()
    if not field or (field not in FIELDS and _HEX.match(field)):
        # A word, or an address that begins with letters: fe:54:00:..., fd::1
        return Term("", (_bare(token[0]).casefold(),))
    values = tuple(_bare(part).casefold() for part in _VALUE.findall(token["value"]))
    return Term(field, tuple(filter(None, values)), bool(token["negation"]))


def _bare(text: str) -> str:
    return text.replace('"', "").strip()


def _problem(term: Term) -> Problem | None:
    if not term.field:
        return None
    if term.field not in FIELDS:
        return Problem("search-field", name=term.field, fields=_listed(FIELDS))
    if not term.values:
        return Problem("search-value", name=term.field)
    known = {"state": STATES, "no": tuple(_NO)}.get(term.field)
    for value in term.values if known else ():
        if not any(word.startswith(value) for word in known or ()):
            return Problem(
                "search-choice", name=value, field=term.field, choices=_listed(known or ())
            )
    return None


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def matches(search: Search, subject: Subject) -> bool:
    """Say whether every term holds for a guest."""
    return all(_holds(term, subject) is not term.is_negated for term in search.terms)


def _holds(term: Term, subject: Subject) -> bool:
    test = FIELDS[term.field] if term.field else _any_part
    return any(test(subject, value) for value in term.values)


def _any_part(subject: Subject, word: str) -> bool:
    if len(word) >= UUID_WORD and subject.id.startswith(word):
        return True
    texts = (
        subject.name,
        subject.owner,
        subject.label,
        subject.template,
        subject.os_name,
        *subject.tags,
        *subject.addresses,
        *subject.macs,
    )
    return any(word in text.casefold() for text in texts)


def _owner(subject: Subject, value: str) -> bool:
    return subject.is_mine if value == "me" else subject.owner.casefold() == value


def _template(subject: Subject, value: str) -> bool:
    return value in subject.template.casefold()


def _mac(subject: Subject, value: str) -> bool:
    wanted = value.replace("-", ":")
    return any(wanted in mac.casefold() for mac in subject.macs)


_NO: dict[str, Callable[[Subject], bool]] = {
    "owner": lambda subject: not subject.owner,
    "tag": lambda subject: not subject.tags,
    "ip": lambda subject: not subject.addresses,
    "template": lambda subject: not subject.template,
}


def _lacks(subject: Subject, value: str) -> bool:
    return any(test(subject) for word, test in _NO.items() if word.startswith(value))


STATES = tuple(state.value for state in VmState)
FIELDS: dict[str, Callable[[Subject, str], bool]] = {
    "name": lambda subject, value: value in subject.name.casefold(),
    "state": lambda subject, value: subject.state.startswith(value),
    "owner": _owner,
    "tag": lambda subject, value: value in (tag.casefold() for tag in subject.tags),
    "template": _template,
    "os": lambda subject, value: value in subject.os_name.casefold(),
    "ip": lambda subject, value: any(each.startswith(value) for each in subject.addresses),
    "mac": _mac,
    "uuid": lambda subject, value: subject.id.startswith(value),
    "no": _lacks,
}
"""What can stand before a colon; whole words for owner and tag, beginnings for ip, uuid, state."""


def values_of(text: str, field: str) -> tuple[str, ...]:
    """Give what a text asks of a field, case folded; nothing where it negates."""
    found = [term for term in parse(text).terms if term.field == field and not term.is_negated]
    return tuple(value for term in found for value in term.values)


def with_term(text: str, field: str, value: str) -> str:
    """Give the text asking that of the field instead of what it asked; "" asks nothing of it.

    A field and its absence (`owner:` and `no:owner`) replace each other; the value "no" asks for
    its absence.
    """
    kept = [_closed(token[0]) for token in _tokens(text) if not _is_about(_term(token), field)]
    if value == "no":
        kept.append(f"no:{field}")
    elif value:
        kept.append(f"{field}:{quoted(value)}")
    return " ".join(kept)


def _closed(token: str) -> str:
    return token + '"' if token.count('"') % 2 else token


def _is_about(term: Term, field: str) -> bool:
    return term.field == field or (term.field == "no" and term.values == (field,))


def quoted(value: str) -> str:
    """Write a value so that it is read back as one."""
    bare = value.replace('"', "")
    return f'"{bare}"' if re.search(r"[\s,]", bare) or not bare else bare
