"""Many accounts from a CSV text: read, checked line by line, and made all or none."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from django.db import transaction

from vms.models import Group, Role
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Invalid, Problem
from vms.services import people
from vms.services.people import NewPerson
from vms.services.secrets import one_time_password

COLUMNS = ("username", "full_name", "email", "role", "group")
MAX_LINES = 200
MAX_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line as read; `problems` says what is wrong, by column."""

    number: int
    values: dict[str, str]
    problems: dict[str, Problem]


@dataclass(frozen=True, slots=True)
class Made:
    """An account that was made; the password is shown once and kept nowhere."""

    username: str
    full_name: str
    password: str


def check(*, actor: Actor, text: str) -> tuple[Line, ...]:
    """Read a CSV text and say of each line what is wrong. Nothing is made.

    The first line names the columns; `username` is needed, the others of `COLUMNS` may be left out.
    Raises Forbidden, Invalid (text) for what is no such table.
    """
    _authorize(actor)
    rows = _read(text)
    if not rows:
        raise Invalid({"text": Problem("roster-empty")})
    if len(rows) > MAX_LINES:
        raise Invalid({"text": Problem("roster-too-long", limit=MAX_LINES)})
    groups = {group.name.casefold(): group for group in Group.objects.all()}
    seen: set[str] = set()
    return tuple(_line(number, row, groups, seen) for number, row in rows)


def add_all(*, actor: Actor, text: str) -> tuple[Made, ...]:
    """Make the accounts of a CSV text, all or none.

    Raises as `check`, and Invalid (text) where a line is wrong.
    """
    lines = check(actor=actor, text=text)
    if any(line.problems for line in lines):
        raise Invalid({"text": Problem("roster-wrong")})
    with transaction.atomic():
        groups = {group.name.casefold(): group for group in Group.objects.all()}
        return tuple(_make(actor, _new(line.values, groups)) for line in lines)


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)


def _read(text: str) -> list[tuple[int, dict[str, str]]]:
    """Return each line that holds something with its number; the first names the columns."""
    if len(text) > MAX_CHARS or "\0" in text:
        raise Invalid({"text": Problem("roster-unreadable")})
    first = text.lstrip("\ufeff").splitlines()[:1]
    signs = ",;\t"
    delimiter = max(signs, key=first[0].count) if first else ","
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except csv.Error:
        raise Invalid({"text": Problem("roster-unreadable")}) from None
    if not rows:
        return []
    names = [name.lower().replace(" ", "_") for name in rows[0][1]]
    unknown = sorted(set(names) - set(COLUMNS))
    if unknown or "username" not in names or len(set(names)) != len(names):
        known = ", ".join(COLUMNS)
        raise Invalid({"text": Problem("roster-columns", columns=known)})
    return [(number, _named(names, cells)) for number, cells in rows[1:]]


def _named(names: list[str], cells: list[str]) -> dict[str, str]:
    values = dict.fromkeys(COLUMNS, "") | dict(zip(names, cells, strict=False))
    extra = [cell for cell in cells[len(names) :] if cell]
    return values | ({"extra": " ".join(extra)} if extra else {})


def _line(number: int, values: dict[str, str], groups: dict[str, Group], seen: set[str]) -> Line:
    problems = people.errors(_new(values, groups))
    name = values["username"].casefold()
    if name in seen:
        problems["username"] = Problem("roster-twice")
    seen.add(name)
    if values["group"] and values["group"].casefold() not in groups:
        problems["group"] = Problem("group-unknown", name=values["group"])
    if "extra" in values:
        problems["extra"] = Problem("roster-extra")
    return Line(number, values, problems)


def _new(values: dict[str, str], groups: dict[str, Group]) -> NewPerson:
    return NewPerson(
        username=values["username"],
        full_name=values["full_name"],
        role=values["role"].lower() or Role.USER,
        email=values["email"],
        group=groups.get(values["group"].casefold()),
    )


def _make(actor: Actor, new: NewPerson) -> Made:
    password = one_time_password()
    people.make(actor=actor, new=new, password=password, must_change=True)
    return Made(new.username, new.full_name, password)
