"""Numbers from counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.hypervisor.types import Counters, VmState
from vms.live.messages import Numbers
from vms.worker.rates import numbers


def counters(at_s: float, **values) -> Counters:
    values.setdefault("state", VmState.RUNNING)
    return Counters(uuid="u", at_s=at_s, vcpus=values.pop("vcpus", 2), **values)


def test_cpu_is_percent_of_all_virtual_cpus_together() -> None:
    before, after = counters(10, cpu_time_ns=0), counters(12, cpu_time_ns=2_000_000_000)
    assert numbers(before, after).cpu_percent == pytest.approx(50)


def test_the_real_interval_counts_not_the_planned_one() -> None:
    before, after = counters(0, net_rx_bytes=0), counters(4, net_rx_bytes=4096)
    assert numbers(before, after).net_rx_bps == 1024


def test_without_an_earlier_sample_rates_are_unknown_but_memory_is_known() -> None:
    found = numbers(None, counters(0, cpu_time_ns=5, memory_used_kib=2048, memory_total_kib=4096))
    assert found == Numbers(memory_used_mib=2, memory_total_mib=4)


def test_a_counter_that_went_back_is_unknown_for_one_tick() -> None:
    before, after = counters(0, disk_read_bytes=500), counters(2, disk_read_bytes=10)
    assert numbers(before, after).disk_read_bps is None


def test_a_guest_that_is_off_has_no_numbers() -> None:
    off = counters(2, cpu_time_ns=9, memory_used_kib=1, state=VmState.OFF)
    assert numbers(counters(0, cpu_time_ns=1), off) == Numbers()


def test_no_virtual_cpus_is_unknown_not_a_crash() -> None:
    before, after = counters(0, vcpus=0, cpu_time_ns=0), counters(2, vcpus=0, cpu_time_ns=10)
    assert numbers(before, after).cpu_percent is None


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.floats(0, 1e6), st.integers(0, 512))
def test_cpu_is_always_between_0_and_100_or_unknown(first, second, gap, vcpus) -> None:
    before = counters(0, vcpus=vcpus, cpu_time_ns=first)
    percent = numbers(before, counters(gap, vcpus=vcpus, cpu_time_ns=second)).cpu_percent
    assert percent is None or 0 <= percent <= 100
