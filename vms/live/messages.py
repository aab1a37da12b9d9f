"""What travels through the channel layer: frozen values, and plain dicts on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any

from vms.hypervisor.types import HostLoad

GROUP = "live"
"""The one group that every process of the site listens to."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a running guest uses now; None where it is off or the driver cannot say.

    `cpu_percent` counts all its virtual CPUs together as 100. `memory_source` is balloon or rss.
    The last four are bytes per second.
    """

    cpu_percent: float | None = None
    memory_used_mib: float | None = None
    memory_total_mib: float | None = None
    memory_source: str = ""
    disk_read_bps: float | None = None
    disk_write_bps: float | None = None
    net_rx_bps: float | None = None
    net_tx_bps: float | None = None

    @property
    def row(self) -> tuple[float | None, ...]:
        """The seven numbers in the order in which they travel."""
        return (
            self.cpu_percent,
            self.memory_used_mib,
            self.memory_total_mib,
            self.disk_read_bps,
            self.disk_write_bps,
            self.net_rx_bps,
            self.net_tx_bps,
        )

    def as_json(self) -> str:
        """Write the seven numbers as a JSON array, rounded to what a page shows.

        So a guest that idles gives the same array again, and is not sent again.
        """
        cpu, used, total, *rates = self.row
        parts = (_percent(cpu), _whole(used), _whole(total), *map(_bytes, rates))
        return f"[{','.join(parts)}]"


Rates = tuple[float | None, ...]


def total_rates(numbers: Iterable[Numbers]) -> Rates:
    """Add up the four rates of many guests: zeros without guests, None where nobody knows one."""
    columns = list(zip(*(each.row[3:] for each in numbers), strict=True))
    return tuple(_sum(column) for column in columns) or (0.0,) * 4


def _sum(values: Rates) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


UNKNOWN_ROW = "[null,null,null,null,null,null,null]"
"""What `Numbers().as_json()` gives: a guest that is off."""
_SHOWN_STEP = 102.4
"""A tenth of a KiB."""
_FINE_BELOW = 100 * 1024
"""From here on a page shows three digits."""


def _whole(value: float | None) -> str:
    return "null" if value is None else str(round(value))


def _percent(value: float | None) -> str:
    if value is None:
        return "null"
    return str(round(value, 1)) if value < 10 else str(round(value))


def _bytes(value: float | None) -> str:
    if value is None:
        return "null"
    if value < _FINE_BELOW:
        return str(round(round(value / _SHOWN_STEP) * _SHOWN_STEP))
    return str(int(float(f"{value:.3g}")))


def numbers_from_json(text: str) -> Numbers:
    """Read back what `as_json` wrote; the source of the memory number does not travel."""
    cpu, used, total, read, write, received, sent = json.loads(text)
    return Numbers(cpu, used, total, "", read, write, received, sent)


class HintKind(StrEnum):
    """What a hint is about; the page fetches the thing itself through a door that checks rights."""

    VM = "vm"
    VM_GONE = "vm-gone"
    JOB = "job"
    HOST = "host"
    RIGHTS = "rights"
    THINGS = "things"
    NOTICES = "notices"
    """A person has a new notice, or has read some."""
    CONSOLES = "consoles"
    """Who sits at the consoles of a guest."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something changed. `subject` is its id (of a user for RIGHTS and NOTICES, a word for
    THINGS).

    `revision` belongs to VM; `vm_id` and `actor_id` to JOB.
    """

    kind: HintKind
    subject: str
    revision: int = 0
    vm_id: str = ""
    actor_id: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What a later hint about the same thing replaces; gone and changed are the same thing."""
        kind = HintKind.VM if self.kind is HintKind.VM_GONE else self.kind
        return kind.value, self.subject


@dataclass(frozen=True, slots=True)
class Tick:
    """One sample of one host: each guest's numbers as a JSON array, made once for all sockets."""

    host_id: str
    at_ms: int
    rows: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """A later tick of the same host replaces an earlier one that was not sent yet."""
        return "tick", self.host_id


@dataclass(frozen=True, slots=True)
class LoadTick:
    """The load of a host itself, and the rates of all its guests together in bytes per second."""

    host_id: str
    load: HostLoad
    rates: Rates = (None,) * 4

    @property
    def key(self) -> tuple[str, str]:
        """As for `Tick`."""
        return "load", self.host_id


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that was pushed did not arrive: whoever shows anything has to look for himself."""

    @property
    def key(self) -> tuple[str, str]:
        """Once is enough."""
        return "lost", ""


Message = Hint | Tick | LoadTick | Lost
Wire = dict[str, Any]  # Any: what a channel layer carries is JSON-like


def hints_to_wire(hints: list[Hint]) -> Wire:
    """Pack hints into one message of the channel layer."""
    return {"type": "live.hints", "hints": [list(astuple(hint)) for hint in hints]}


def tick_to_wire(tick: Tick) -> Wire:
    """Pack a tick."""
    return {
        "type": "live.tick",
        "host": tick.host_id,
        "at": tick.at_ms,
        "rows": dict(tick.rows),
    }


def load_to_wire(tick: LoadTick) -> Wire:
    """Pack the load of a host."""
    load, rates = list(astuple(tick.load)), list(tick.rates)
    return {"type": "live.load", "host": tick.host_id, "load": load, "rates": rates}


def from_wire(message: Wire) -> list[Message]:
    """Unpack a message of the channel layer; one of an unknown type is nothing."""
    match message.get("type"):
        case "live.hints":
            return [Hint(HintKind(kind), *rest) for kind, *rest in message["hints"]]
        case "live.tick":
            return [Tick(message["host"], message["at"], message["rows"])]
        case "live.load":
            return [LoadTick(message["host"], HostLoad(*message["load"]), tuple(message["rates"]))]
        case _:
            return []
