"""libvirt's fields as counters."""

from __future__ import annotations

from vms.hypervisor.stats import counters
from vms.hypervisor.types import VmState

FULL = {
    "state.state": 1,
    "cpu.time": 7,
    "vcpu.current": 2,
    "balloon.current": 1000,
    "balloon.available": 900,
    "balloon.usable": 300,
    "balloon.unused": 100,
    "balloon.rss": 5000,
    "net.count": 2,
    "net.0.rx.bytes": 1,
    "net.1.rx.bytes": 2,
    "net.1.tx.bytes": 4,
    "block.count": 2,
    "block.0.rd.bytes": 8,
    "block.0.wr.bytes": 0,
}


def test_devices_are_added_up() -> None:
    found = counters("u", 1.5, FULL)
    assert (found.state, found.vcpus, found.cpu_time_ns) == (VmState.RUNNING, 2, 7)
    assert (found.net_rx_bytes, found.net_tx_bytes) == (3, 4)
    assert (found.disk_read_bytes, found.disk_write_bytes) == (8, 0)


def test_the_guest_itself_knows_its_memory_best() -> None:
    found = counters("u", 0, FULL)
    assert (found.memory_used_kib, found.memory_total_kib) == (600, 900)
    assert found.memory_source == "balloon"


def test_without_the_guest_it_is_what_the_process_holds() -> None:
    facts = {key: value for key, value in FULL.items() if not key.startswith("balloon.u")}
    found = counters("u", 0, facts)
    assert (found.memory_used_kib, found.memory_total_kib) == (1000, 1000)
    assert found.memory_source == "rss"


def test_a_domain_that_is_off_has_none() -> None:
    found = counters("u", 0, {"state.state": 5, "balloon.current": 1000})
    assert found.state is VmState.OFF
    assert found.memory_used_kib is None
    assert found.cpu_time_ns is None
    assert found.net_rx_bytes is None
    assert found.disk_read_bytes is None
