"""Numbers as the gauges show them before the first tick arrives.

static/src/lib/format.js words them the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from vms.live.messages import Numbers

KIB = 1024
FULL_BPS = 1 << 30
"""Bytes per second at which the bar of disk and network is full."""
KNEE_BPS = 16 * KIB
"""Below this the soft scale is about linear."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One gauge; `number` and `unit` are "" while unknown, `fraction` from 0 to 1 is its bar."""

    name: str
    label: str
    short: str
    """The label on a card."""
    number: str = ""
    unit: str = ""
    fraction: float = 0.0

    @property
    def column(self) -> str:
        """The name of its column in services/preferences.py."""
        return {"mem": "memory", "net": "network"}.get(self.name, self.name)


class Gauges:
    """Words the four numbers of guests, in the language of who asks."""

    def __init__(self) -> None:
        self._cpu = Gauge("cpu", _("CPU"), _("CPU"))
        self._memory = Gauge("mem", _("Memory"), _("mem"))
        self._disk = Gauge("disk", _("Disk I/O"), _("disk"))
        self._network = Gauge("net", _("Network I/O"), _("net"))
        self._unknown = (self._cpu, self._memory, self._disk, self._network)

    def of(self, numbers: Numbers | None) -> tuple[Gauge, ...]:
        """Word the numbers of one guest; all unknown when None."""
        if numbers is None:
            return self._unknown
        return (
            _percent(self._cpu, numbers.cpu_percent),
            _percent(self._memory, _memory_percent(numbers)),
            _rate(self._disk, numbers.disk_read_bps, numbers.disk_write_bps),
            _rate(self._network, numbers.net_rx_bps, numbers.net_tx_bps),
        )


def _memory_percent(numbers: Numbers) -> float | None:
    if numbers.memory_used_mib is None or not numbers.memory_total_mib:
        return None
    return 100 * numbers.memory_used_mib / numbers.memory_total_mib


def _percent(gauge: Gauge, value: float | None) -> Gauge:
    if value is None:
        return gauge
    return replace(gauge, number=f"{value:.0f}", unit="%", fraction=_rounded(value / 100))


def _rate(gauge: Gauge, first: float | None, second: float | None) -> Gauge:
    if first is None and second is None:
        return gauge
    total = (first or 0) + (second or 0)
    number, unit = rate(total)
    return replace(gauge, number=number, unit=unit, fraction=soft_fraction(total))


def rate(bps: float) -> tuple[str, str]:
    """Word bytes per second as a number and its unit."""
    for unit in ("KiB/s", "MiB/s"):
        bps /= KIB
        if bps < 1000:
            return f"{bps:.1f}" if bps < 100 else f"{bps:.0f}", unit
    return f"{bps / KIB:.1f}", "GiB/s"


def soft_fraction(bps: float) -> float:
    """Place bytes per second on a scale that shows both a little and a lot."""
    return _rounded(math.log1p(bps / KNEE_BPS) / math.log1p(FULL_BPS / KNEE_BPS))


def _rounded(fraction: float) -> float:
    """Cut a fraction to what can be seen of a bar, so that gauges of equal looks are equal."""
    return min(1.0, round(fraction, 3))
