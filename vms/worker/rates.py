"""From running totals to numbers per second, of all guests of a host. No clock, no I/O.

Times are those of the samples, taken from a monotonic clock: the clock on the wall may jump.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from vms.hypervisor.types import ACTIVE_STATES, Counters
from vms.live.messages import Numbers

MIN_INTERVAL_S = 0.05
"""Samples nearer together than this give noise."""
HELD_TICKS = 3
"""A QEMU that is busy leaves numbers out of a sample; so long the last ones stand in for them."""
TOTALS = ("cpu_time_ns", "disk_read_bytes", "disk_write_bytes", "net_rx_bytes", "net_tx_bytes")


@dataclass(slots=True)
class _Held:
    """The last known value of something, and how many samples have been without it since."""

    value: float | None = None
    missed: int = 0

    def take(self, value: float | None) -> float | None:
        """Return the value, or while it is missing for a short time the last one."""
        if value is not None:
            self.value, self.missed = value, 0
        elif self.missed < HELD_TICKS:
            self.missed += 1
        else:
            self.value = None
        return self.value


@dataclass(slots=True)
class _Guest:
    """What is known of one guest since it was started."""

    at_s: float
    vcpus: int = 0
    source: str = ""
    shown: Numbers = field(default_factory=Numbers)
    totals: dict[str, tuple[float, int]] = field(default_factory=dict)
    """When each total was last given, and what it was."""
    held: dict[str, _Held] = field(default_factory=dict)

    def is_continued_by(self, after: Counters) -> bool:
        """Say whether no total went back, as it does when a guest was restarted or came here."""
        for name, (_at_s, total) in self.totals.items():
            now = getattr(after, name)
            if now is not None and now < total:
                return False
        return True

    def hold(self, name: str, value: float | None) -> float | None:
        """Return `value`, or for a short time the last known one of that name."""
        return self.held.setdefault(name, _Held()).take(value)

    def per_second(self, name: str, after: Counters) -> float | None:
        """Return the rate of a total since it was last given."""
        total: int | None = getattr(after, name)
        rate = None
        if total is not None:
            before = self.totals.get(name)
            if before is not None:
                rate = (total - before[1]) / (after.at_s - before[0])
            self.totals[name] = (after.at_s, total)
        return self.hold(name, rate)


class RateMeter:
    """The guests of one host. Not thread-safe."""

    def __init__(self) -> None:
        self._guests: dict[str, _Guest] = {}

    def read(self, after: Counters) -> Numbers:
        """Take a sample of a guest and return what it uses.

        Rates are unknown in the first sample after a start. One that is older than the last, or
        hardly younger, changes nothing. `Numbers()` for a guest that is off.
        """
        if after.state not in ACTIVE_STATES:
            self._guests.pop(after.uuid, None)
            return Numbers()
        guest = self._guests.get(after.uuid)
        if guest is not None and after.at_s - guest.at_s < MIN_INTERVAL_S:
            return guest.shown
        if guest is None or not guest.is_continued_by(after):
            guest = self._guests[after.uuid] = _Guest(after.at_s)
        guest.at_s = after.at_s
        guest.shown = _numbers(guest, after)
        return guest.shown

    def keep(self, uuids: Collection[str]) -> None:
        """Forget all guests but these."""
        for uuid in self._guests.keys() - set(uuids):
            del self._guests[uuid]


def _numbers(guest: _Guest, after: Counters) -> Numbers:
    guest.vcpus = after.vcpus or guest.vcpus
    guest.source = after.memory_source or guest.source
    cpu, read, write, received, sent = (guest.per_second(name, after) for name in TOTALS)
    used = guest.hold("memory_used", _mib(after.memory_used_kib))
    return Numbers(
        cpu_percent=_cpu_percent(cpu, guest.vcpus),
        memory_used_mib=used,
        memory_total_mib=guest.hold("memory_total", _mib(after.memory_total_kib)),
        memory_source=guest.source if used is not None else "",
        disk_read_bps=read,
        disk_write_bps=write,
        net_rx_bps=received,
        net_tx_bps=sent,
    )


def _cpu_percent(cpu_ns_per_s: float | None, vcpus: int) -> float | None:
    """All virtual CPUs together are 100; what the emulator itself uses on top is cut off."""
    if cpu_ns_per_s is None or vcpus < 1:
        return None
    return min(100.0, cpu_ns_per_s / 1e9 / vcpus * 100)


def _mib(kib: int | None) -> float | None:
    return None if kib is None else kib / 1024
