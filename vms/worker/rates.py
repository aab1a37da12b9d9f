"""From two samples to numbers per second. Pure."""

from __future__ import annotations

from vms.hypervisor.types import ACTIVE_STATES, Counters
from vms.live.messages import Numbers

MIN_INTERVAL_S = 0.05
"""Samples nearer together than this give noise."""


def numbers(before: Counters | None, after: Counters) -> Numbers:
    """Compute what a guest used between two samples of it.

    Rates are None without an earlier sample, and when a counter went back: the guest was restarted.
    `Numbers()` for a guest that is off.
    """
    if after.state not in ACTIVE_STATES:
        return Numbers()
    interval_s = after.at_s - before.at_s if before else 0.0

    def per_second(name: str) -> float | None:
        first = getattr(before, name) if before else None
        return _rate(first, getattr(after, name), interval_s)

    return Numbers(
        cpu_percent=_cpu_percent(per_second("cpu_time_ns"), after.vcpus),
        memory_used_mib=_mib(after.memory_used_kib),
        memory_total_mib=_mib(after.memory_total_kib),
        memory_source=after.memory_source,
        disk_read_bps=per_second("disk_read_bytes"),
        disk_write_bps=per_second("disk_write_bytes"),
        net_rx_bps=per_second("net_rx_bytes"),
        net_tx_bps=per_second("net_tx_bytes"),
    )


def _rate(first: int | None, second: int | None, interval_s: float) -> float | None:
    if first is None or second is None or interval_s < MIN_INTERVAL_S or second < first:
        return None
    return (second - first) / interval_s


def _cpu_percent(cpu_ns_per_s: float | None, vcpus: int) -> float | None:
    """All virtual CPUs together are 100; what the emulator itself uses on top is cut off."""
    if cpu_ns_per_s is None or vcpus < 1:
        return None
    return min(100.0, cpu_ns_per_s / 1e9 / vcpus * 100)


def _mib(kib: int | None) -> float | None:
    return None if kib is None else kib / 1024
