"""Running totals of all domains of a host in one call."""

from __future__ import annotations

import time
from collections.abc import Mapping

import libvirt

from .connection import HostConnection, Lane
from .lookup import state_of
from .types import Counters

# Only what is shown: all groups together take nearly twice as long.
GROUPS = (
    libvirt.VIR_DOMAIN_STATS_STATE
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
    | libvirt.VIR_DOMAIN_STATS_BLOCK
)


def sample(host: HostConnection, *, timeout_s: float | None = None) -> list[Counters]:
    """Return the counters of every domain, active or not.

    A domain busy with another call gives what can be had without waiting for it.
    """
    return host.call(Lane.WATCH, _sample, timeout_s=timeout_s)


def _sample(conn: libvirt.virConnect) -> list[Counters]:
    began_s = time.monotonic()
    try:
        found = conn.getAllDomainStats(GROUPS, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
    except libvirt.libvirtError as error:
        if error.get_error_code() not in (libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_NO_SUPPORT):
            raise
        found = conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, 0)
    # The middle: a call that takes long was measuring all the time.
    at_s = (began_s + time.monotonic()) / 2
    return [counters(domain.UUIDString(), at_s, facts) for domain, facts in found]


def counters(uuid: str, at_s: float, facts: Mapping[str, int]) -> Counters:
    """Return one domain's counters from libvirt's own fields."""
    used_kib, total_kib, source = _memory(facts)
    return Counters(
        uuid=uuid,
        at_s=at_s,
        state=state_of(facts.get("state.state", libvirt.VIR_DOMAIN_NOSTATE)),
        vcpus=facts.get("vcpu.current", 0),
        cpu_time_ns=facts.get("cpu.time"),
        memory_total_kib=total_kib,
        memory_used_kib=used_kib,
        memory_source=source,
        disk_read_bytes=_sum(facts, "block", "rd.bytes"),
        disk_write_bytes=_sum(facts, "block", "wr.bytes"),
        net_rx_bytes=_sum(facts, "net", "rx.bytes"),
        net_tx_bytes=_sum(facts, "net", "tx.bytes"),
    )


def _memory(facts: Mapping[str, int]) -> tuple[int | None, int | None, str]:
    """Return used and total KiB and who says so.

    The guest's balloon driver knows best; without one, what QEMU holds is the next best thing.
    """
    available = facts.get("balloon.available")
    spare = facts.get("balloon.usable", facts.get("balloon.unused"))
    if available and spare is not None:
        return max(0, available - spare), available, "balloon"
    total = facts.get("balloon.current")
    rss = facts.get("balloon.rss")
    if not rss:
        return None, total, ""
    return (min(rss, total) if total else rss), total, "rss"


def _sum(facts: Mapping[str, int], group: str, field: str) -> int | None:
    """Add up a field over all devices of a group; None where no device has it."""
    values = [
        value
        for index in range(facts.get(f"{group}.count", 0))
        if (value := facts.get(f"{group}.{index}.{field}")) is not None
    ]
    return sum(values) if values else None
