"""Everything that Prometheus may know, from rows and the last sample: no host is asked.

Ratios are from 0 to 1, sizes are bytes. A number that is unknown has no line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from django.db.models import Count
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vms import selectors
from vms.hypervisor.types import ACTIVE_STATES, VmState
from vms.live import gauges, recent
from vms.live.messages import Numbers
from vms.models import HostStatus, JobState
from vms.policy import Action, Actor, Door, SystemActor, can
from vms.problems import Forbidden
from vms.services import job_kinds

MIB = 1024 * 1024
Value = float | None

GUEST_NUMBERS: dict[str, tuple[str, Callable[[Numbers], Value]]] = {
    "cpu_ratio": ("Of all its virtual CPUs together.", lambda n: _scaled(n.cpu_percent, 0.01)),
    "memory_used_bytes": ("Memory in use.", lambda n: _scaled(n.memory_used_mib, MIB)),
    "memory_bytes": ("Memory that it has.", lambda n: _scaled(n.memory_total_mib, MIB)),
    "disk_read_bytes_per_second": ("Read from disks.", lambda n: n.disk_read_bps),
    "disk_written_bytes_per_second": ("Written to disks.", lambda n: n.disk_write_bps),
    "network_received_bytes_per_second": ("Received.", lambda n: n.net_rx_bps),
    "network_sent_bytes_per_second": ("Sent.", lambda n: n.net_tx_bps),
}
"""Metrics of a guest that runs, after the prefix kvmweb_guest_."""


def registry(*, actor: Actor) -> CollectorRegistry:
    """Give all metrics to somebody who may look into hosts. Raises Forbidden."""
    if not can(actor, Action.HOST_VIEW):
        raise Forbidden("forbidden", action=Action.HOST_VIEW.value)
    return _registry


class _Site(Collector):
    """What is known of the site, in three queries."""

    def collect(self) -> Iterator[Metric]:
        """Read it now."""
        yield from _hosts()
        yield from _guests()
        yield _jobs()
        yield from gauges.registry.collect()


def _scaled(value: Value, factor: float) -> Value:
    return None if value is None else value * factor


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"kvmweb_{name}", text, labels=labels)


def _add(family: GaugeMetricFamily, labels: Iterable[str], value: Value) -> None:
    if value is not None:
        family.add_metric(list(labels), value)


def _hosts() -> Iterator[Metric]:
    up = _gauge("host_up", "1 while the host answers.", "host")
    cpu = _gauge("host_cpu_ratio", "Of all processors of the host together.", "host")
    used = _gauge("host_memory_used_bytes", "Memory of the host in use.", "host")
    total = _gauge("host_memory_bytes", "Memory that the host has.", "host")
    rows = selectors.hosts(SystemActor(Door.API)).values_list("pk", "name", "status")
    for pk, name, status in rows:
        up.add_metric([name], status == HostStatus.CONNECTED)
        load = recent.host_load(str(pk))
        if load is not None:
            _add(cpu, [name], _scaled(load.cpu_percent, 0.01))
            _add(used, [name], _scaled(load.memory_used_mib, MIB))
            _add(total, [name], _scaled(load.memory_total_mib, MIB))
    yield from (up, cpu, used, total)


def _guests() -> Iterator[Metric]:
    states: Counter[str] = Counter({state.value: 0 for state in VmState})
    info = _gauge("guest_info", "1 for every guest.", "uuid", "name", "host", "owner", "state")
    numbers = {
        name: _gauge(f"guest_{name}", text, "uuid", "name", "host")
        for name, (text, _value) in GUEST_NUMBERS.items()
    }
    rows = selectors.vms(SystemActor(Door.API)).prefetch_related(None)
    columns = ("pk", "domain_uuid", "name", "host__name", "owner__username", "state")
    for pk, domain_uuid, name, host, owner, state in rows.values_list(*columns):
        states[state] += 1
        labels = [str(domain_uuid), name, host]
        info.add_metric([*labels, owner or "", state], 1)
        latest = recent.latest(str(pk)) if state in ACTIVE_STATES else None
        if latest is not None:
            for key, (_text, value) in GUEST_NUMBERS.items():
                _add(numbers[key], labels, value(latest))
    guests = _gauge("guests", "How many guests there are.", "state")
    for state, count in states.items():
        guests.add_metric([state], count)
    yield from (guests, info, *numbers.values())


def _jobs() -> Metric:
    family = _gauge("jobs", "How many jobs the database knows.", "kind", "state")
    rows = selectors.jobs(SystemActor(Door.API)).order_by().values_list("kind", "state")
    counts = {(kind, state): count for kind, state, count in rows.annotate(count=Count("pk"))}
    for kind in job_kinds.all_kinds():
        for state in JobState.values:
            family.add_metric([kind, state], counts.get((kind, state), 0))
    return family


_registry = CollectorRegistry()
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)
GCCollector(registry=_registry)
_registry.register(_Site())
