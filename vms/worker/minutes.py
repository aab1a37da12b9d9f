"""Gathers the ticks of one host in memory until their minute is over. No database, no clock."""

from __future__ import annotations

from collections.abc import Mapping

from vms.hypervisor.types import HostLoad
from vms.live.messages import Numbers, total_rates
from vms.models.history import MINUTE_S
from vms.services.averages import Values, Weighted
from vms.services.history import Mean, Minute


class MinuteBook:
    """What was measured since the minute began; each tick stands for `interval_s` seconds."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._at_s: int | None = None
        self._host = Weighted()
        self._guests: dict[str, Weighted] = {}

    def add(
        self, now_s: float, numbers: Mapping[str, Numbers], load: HostLoad | None
    ) -> Minute | None:
        """Take a tick; return the minute that was over with it. A clock set back ends one too."""
        ended = self.turn(now_s)
        self._at_s = _minute_of(now_s)
        for vm_id, each in numbers.items():
            self._guests.setdefault(vm_id, Weighted()).add_values(each.row, self._interval_s)
        self._host.add_values(_of_host(numbers, load), self._interval_s)
        return ended

    def turn(self, now_s: float) -> Minute | None:
        """Return the minute that is over by now, if one is; for ticks in which a host was away."""
        if self._at_s is None or self._at_s == _minute_of(now_s):
            return None
        ended = Minute(
            self._at_s, _mean(self._host), {key: _mean(each) for key, each in self._guests.items()}
        )
        self._at_s, self._host, self._guests = None, Weighted(), {}
        return ended


def _minute_of(now_s: float) -> int:
    return int(now_s // MINUTE_S) * MINUTE_S


def _mean(weighted: Weighted) -> Mean:
    return Mean(weighted.means, max(1, min(MINUTE_S, round(weighted.weight))))


def _of_host(numbers: Mapping[str, Numbers], load: HostLoad | None) -> Values:
    """The host's own processor and memory; disk and network are what its guests use together."""
    cpu, used, total = (
        (load.cpu_percent, load.memory_used_mib, load.memory_total_mib)
        if load
        else (None, None, None)
    )
    return (cpu, used, total, *total_rates(numbers.values()))
