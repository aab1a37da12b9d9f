"""Find guests: search and order over all that an actor may see, not over one page of them.

One query, whatever their number. Matching is vms/search.py's; numbers are the sampler's latest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vms import messages, search
from vms.hypervisor.types import VmState
from vms.live import recent
from vms.live.messages import Numbers
from vms.models import VM
from vms.policy import Actor, Person, visible

_COLUMNS = (
    "pk",
    "revision",
    "name",
    "state",
    "owner_id",
    "owner__username",
    "tags",
    "template_name",
    "template__name",
    "template__os_name",
    "addresses",
    "macs",
)
_STATE_ORDER = {
    state.value: place
    for place, state in enumerate(
        (
            VmState.RUNNING,
            VmState.PAUSED,
            VmState.SUSPENDED,
            VmState.SHUTTING_DOWN,
            VmState.CRASHED,
            VmState.OFF,
            VmState.UNKNOWN,
        )
    )
}
_DIGITS = re.compile(r"(\d+)")


class SortKey(StrEnum):
    """What guests can be ordered by."""

    NAME = "name"
    STATE = "state"
    OWNER = "owner"
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"

    @property
    def is_gauge(self) -> bool:
        """True for numbers, which move."""
        return self in _GAUGES


@dataclass(frozen=True, slots=True)
class Order:
    """An order of guests; written as its key, with "-" before it where the largest is first."""

    key: SortKey = SortKey.NAME
    is_descending: bool = False

    def __str__(self) -> str:
        return f"-{self.key}" if self.is_descending else str(self.key)

    @classmethod
    def read(cls, text: str) -> Order | None:
        """Read an order as it is written; None for anything else."""
        try:
            return cls(SortKey(text.removeprefix("-")), text.startswith("-"))
        except ValueError:
            return None

    @property
    def reverse(self) -> Order:
        """The same the other way round."""
        return Order(self.key, not self.is_descending)


@dataclass(frozen=True, slots=True)
class Found:
    """Guests that match, in order: id and revision. `total` counts all that may be seen.

    `owners` and `tags` are those of all that may be seen, in alphabetical order.
    """

    revisions: Mapping[str, int]
    total: int
    search: search.Search = field(default_factory=search.Search)
    has_foreign: bool = False
    """Whether guests of others are among all that may be seen."""
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """The ids in order."""
        return list(self.revisions)


@dataclass(frozen=True, slots=True)
class _Entry:
    revision: int
    subject: search.Subject


def find(actor: Actor, text: str = "", order: Order | None = None) -> Found:
    """Find the guests that match a text of the search box; by name unless `order` is given."""
    wanted = search.parse(text)
    entries = _entries(actor)
    hits = [entry for entry in entries if search.matches(wanted, entry.subject)]
    return Found(
        revisions={e.subject.id: e.revision for e in sort(hits, order or Order())},
        total=len(entries),
        search=wanted,
        has_foreign=not all(entry.subject.is_mine for entry in entries),
        owners=_alphabetical(entry.subject.owner for entry in entries),
        tags=_alphabetical(tag for entry in entries for tag in entry.subject.tags),
    )


def _entries(actor: Actor) -> list[_Entry]:
    labels = {state.value: messages.state_label(state) for state in VmState}
    me = actor.user.pk if isinstance(actor, Person) else None
    rows = visible(actor, VM.objects.order_by()).values_list(*_COLUMNS)
    return [_entry(row, labels, me) for row in rows]


def _entry(row: tuple[Any, ...], labels: Mapping[str, str], me: object) -> _Entry:  # Any: columns
    pk, revision, name, state, owner_id, owner, tags, *rest = row
    template_name, template, os_name, addresses, macs = rest
    subject = search.Subject(
        id=str(pk),
        name=name,
        state=state,
        label=labels[state],
        owner=owner or "",
        is_mine=me is not None and owner_id == me,
        template=template or template_name,
        os_name=os_name or "",
        tags=tuple(tags),
        addresses=tuple(addresses),
        macs=tuple(macs),
    )
    return _Entry(revision, subject)


def _alphabetical(words: Iterable[str]) -> tuple[str, ...]:
    unique = {word.casefold(): word for word in words if word}
    return tuple(unique[key] for key in sorted(unique))


def sort(entries: Iterable[_Entry], order: Order) -> list[_Entry]:
    """Order guests; those whose number is not known stand last, equal ones by name."""
    by_name = sorted(entries, key=_name_key)
    if order.key is SortKey.NAME:
        return by_name[::-1] if order.is_descending else by_name
    if order.key.is_gauge:
        return _by_gauge(by_name, order)
    return sorted(by_name, key=_TEXTS[order.key], reverse=order.is_descending)


def _name_key(entry: _Entry) -> tuple[list[tuple[int, int, str]], str]:
    """Order names as people do: lab-2 before lab-10."""
    parts = _DIGITS.split(entry.subject.name.casefold())
    natural = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
    return natural, entry.subject.id


def _by_gauge(entries: list[_Entry], order: Order) -> list[_Entry]:
    value_of = _GAUGES[order.key]
    known: list[tuple[float, _Entry]] = []
    unknown: list[tuple[float, _Entry]] = []
    for entry in entries:
        numbers = recent.latest(entry.subject.id)
        value = value_of(numbers) if numbers else None
        (unknown if value is None else known).append((value or 0.0, entry))
    known.sort(key=lambda pair: pair[0], reverse=order.is_descending)
    return [entry for _value, entry in known + unknown]


_TEXTS: dict[SortKey, Callable[[_Entry], Any]] = {  # Any: whatever can be compared
    SortKey.STATE: lambda entry: _STATE_ORDER[entry.subject.state],
    SortKey.OWNER: lambda entry: entry.subject.owner.casefold(),
}


def _memory(numbers: Numbers) -> float | None:
    if numbers.memory_used_mib is None or not numbers.memory_total_mib:
        return None
    return numbers.memory_used_mib / numbers.memory_total_mib


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None and second is None else (first or 0.0) + (second or 0.0)


_GAUGES: dict[SortKey, Callable[[Numbers], float | None]] = {
    SortKey.CPU: lambda numbers: numbers.cpu_percent,
    SortKey.MEMORY: _memory,
    SortKey.DISK: lambda numbers: _sum(numbers.disk_read_bps, numbers.disk_write_bps),
    SortKey.NETWORK: lambda numbers: _sum(numbers.net_rx_bps, numbers.net_tx_bps),
}
