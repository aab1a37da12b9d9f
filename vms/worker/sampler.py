"""Measures one host: one bulk call for all guests per tick, published once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from vms.hypervisor import stats
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.nodes import LoadMeter
from vms.hypervisor.types import Counters, EventKind, HostEvent, VmState
from vms.live import gauges, publish, recent
from vms.live.messages import Numbers, total_rates
from vms.models import Host
from vms.services import sync
from vms.services.history import Minute
from vms.services.sync import KnownVm
from vms.worker.desk import Desk
from vms.worker.listing import UNREACHABLE
from vms.worker.loops import tick
from vms.worker.minutes import MinuteBook
from vms.worker.rates import RateMeter


class Sampler:
    """Run `run` in a thread of its own until the desk's stop event is set.

    It is also the pulse: its call opens a lost connection again, and notices that a host is silent.
    """

    def __init__(self, desk: Desk, interval_s: float, keep: Callable[[Host, Minute], None]) -> None:
        """Measure every `interval_s` seconds; each minute that is over is handed to `keep`."""
        self._desk = desk
        self._interval_s = interval_s
        self._keep = keep
        self._book = MinuteBook(interval_s)
        self._meter = LoadMeter()
        self._rates = RateMeter()
        self._shown: frozenset[str] = frozenset()
        self._reported: dict[str, VmState | None] = {}
        self._is_failing = False

    def run(self) -> None:
        """Measure until stopped."""
        tick(self._step, self._desk.stop, self._interval_s)

    def _step(self) -> None:
        with gauges.tick_seconds.labels(self._desk.host.name).time():
            self._measure()

    def _measure(self) -> None:
        connection = self._desk.connection
        try:
            counters = stats.sample(connection)
            load = self._meter.read(connection)
        except HypervisorError as error:
            if isinstance(error, UNREACHABLE):
                self._lost(error)
            return
        if self._is_failing:
            self._is_failing = False
            self._desk.wants_listing.set()
        known = sync.known_vms(self._desk.host)
        numbers = self._publish(counters, known)
        publish.host_load(self._desk.host_id, load, total_rates(numbers.values()))
        self._remember(self._book.add(time.time(), numbers, load))
        self._compare_states(counters, known)

    def _lost(self, error: HypervisorError) -> None:
        self._is_failing = True
        self._rates = RateMeter()
        recent.forget_host(self._desk.host_id)
        self._publish([], {})
        self._remember(self._book.turn(time.time()))
        sync.host_away(self._desk.host, error)

    def _remember(self, ended: Minute | None) -> None:
        if ended is not None:
            self._keep(self._desk.host, ended)

    def _publish(
        self, counters: list[Counters], known: Mapping[str, KnownVm]
    ) -> dict[str, Numbers]:
        """Publish the numbers of guests that run, and empty ones once for those that stopped.

        Returns those of the guests that run. Where the driver has no numbers, there is nothing.
        """
        numbers: dict[str, Numbers] = {}
        for each in counters:
            vm = known.get(each.uuid)
            found = self._rates.read(each)
            if vm is not None and found != Numbers():
                numbers[vm.vm_id] = found
        running = frozenset(numbers)
        stopped = {vm_id: Numbers() for vm_id in self._shown - running}
        self._rates.keep({each.uuid for each in counters if each.state.is_active})
        self._shown = running
        if numbers or stopped:
            publish.numbers(self._desk.host_id, numbers | stopped)
        return numbers

    def _compare_states(self, counters: list[Counters], known: Mapping[str, KnownVm]) -> None:
        """Have a domain read again whose state differs from its row: an event was missed."""
        actual: dict[str, VmState] = {each.uuid: each.state for each in counters}
        differing: dict[str, VmState | None] = {
            domain_uuid: state
            for domain_uuid, state in actual.items()
            if domain_uuid not in known or known[domain_uuid].state is not state
        }
        differing.update(
            (domain_uuid, None)
            for domain_uuid, vm in known.items()
            if vm.is_active and domain_uuid not in actual
        )
        for domain_uuid, state in differing.items():
            if self._reported.get(domain_uuid, VmState.UNKNOWN) is not state:
                self._desk.put(HostEvent(EventKind.DOMAIN_CHANGED, domain_uuid, "sampled"))
        self._reported = differing
