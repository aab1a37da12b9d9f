"""Numbers from counters: no spike, no negative, no flicker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.hypervisor.types import Counters, VmState
from vms.live.messages import Numbers
from vms.worker.rates import HELD_TICKS, RateMeter


def counters(at_s: float, **values) -> Counters:
    values.setdefault("state", VmState.RUNNING)
    return Counters(uuid="u", at_s=at_s, vcpus=values.pop("vcpus", 2), **values)


def read(*samples: Counters) -> Numbers:
    """Feed samples in that order; the numbers after the last one."""
    meter = RateMeter()
    return [meter.read(sample) for sample in samples][-1]


def test_cpu_is_percent_of_all_virtual_cpus_together() -> None:
    found = read(counters(10, cpu_time_ns=0), counters(12, cpu_time_ns=2_000_000_000))
    assert found.cpu_percent == pytest.approx(50)


def test_the_real_interval_counts_not_the_planned_one() -> None:
    assert read(counters(0, net_rx_bytes=0), counters(4, net_rx_bytes=4096)).net_rx_bps == 1024


def test_without_an_earlier_sample_rates_are_unknown_but_memory_is_known() -> None:
    found = read(counters(0, cpu_time_ns=5, memory_used_kib=2048, memory_total_kib=4096))
    assert found == Numbers(memory_used_mib=2, memory_total_mib=4)


def test_a_restart_shows_nothing_for_one_tick_and_never_a_spike() -> None:
    old = counters(0, cpu_time_ns=10**12, disk_read_bytes=500, net_rx_bytes=9)
    more = counters(2, cpu_time_ns=10**12, disk_read_bytes=900, net_rx_bytes=9)
    new = counters(4, cpu_time_ns=10**9, disk_read_bytes=10**9, net_rx_bytes=10**9)
    later = counters(6, cpu_time_ns=2 * 10**9, disk_read_bytes=10**9, net_rx_bytes=10**9)
    after = read(old, more, new)
    assert (after.cpu_percent, after.disk_read_bps, after.net_rx_bps) == (None, None, None)
    assert read(old, more, new, later).cpu_percent == pytest.approx(25)
    assert read(old, more, new, later).disk_read_bps == 0


def test_a_guest_that_was_off_in_between_starts_anew() -> None:
    off = counters(2, cpu_time_ns=9, memory_used_kib=1, state=VmState.OFF)
    assert read(counters(0, cpu_time_ns=1), off) == Numbers()
    assert read(counters(0, cpu_time_ns=1), off, counters(4, cpu_time_ns=9)).cpu_percent is None


def test_a_guest_that_left_and_came_back_starts_anew() -> None:
    meter = RateMeter()
    meter.read(counters(0, net_rx_bytes=0))
    meter.keep({"somebody else"})
    assert meter.read(counters(2, net_rx_bytes=10**9)).net_rx_bps is None


def test_a_busy_qemu_keeps_its_numbers_for_three_ticks_then_they_are_unknown() -> None:
    whole = {"cpu_time_ns": 0, "memory_used_kib": 1024, "memory_source": "balloon"}
    samples = [counters(0, **whole, net_rx_bytes=0), counters(2, **whole, net_rx_bytes=2048)]
    for tick in range(HELD_TICKS):
        samples.append(counters(4 + 2 * tick, cpu_time_ns=0))
        found = read(*samples)
        assert (found.net_rx_bps, found.memory_used_mib) == (1024, 1)
        assert found.memory_source == "balloon"
    samples.append(counters(10, cpu_time_ns=0))
    found = read(*samples)
    assert (found.net_rx_bps, found.memory_used_mib, found.memory_source) == (None, None, "")
    assert found.cpu_percent == 0


def test_what_a_busy_guest_did_meanwhile_is_spread_over_the_whole_time() -> None:
    found = read(
        counters(0, net_rx_bytes=0),
        counters(2, net_rx_bytes=0),
        counters(4, vcpus=0),
        counters(6, net_rx_bytes=4096),
    )
    assert found.net_rx_bps == 1024


def test_the_number_of_virtual_cpus_may_be_missing_for_a_while() -> None:
    samples = [counters(0, cpu_time_ns=0), counters(2, vcpus=0, cpu_time_ns=2_000_000_000)]
    assert read(*samples).cpu_percent == pytest.approx(50)


def test_a_sample_out_of_order_changes_nothing() -> None:
    first, second = counters(0, net_rx_bytes=0), counters(4, net_rx_bytes=4096)
    shown = read(first, second)
    assert read(first, second, counters(2, net_rx_bytes=99)) == shown
    late = counters(2, net_rx_bytes=99)
    assert read(first, second, late, counters(6, net_rx_bytes=6144)).net_rx_bps == 1024


def test_two_samples_at_the_same_moment_are_one() -> None:
    first, second = counters(0, net_rx_bytes=0), counters(2, net_rx_bytes=2048)
    assert read(first, second, counters(2.01, net_rx_bytes=10**9)).net_rx_bps == 1024


def test_a_sample_that_comes_late_counts_for_the_time_that_has_passed() -> None:
    assert read(counters(0, net_rx_bytes=0), counters(60, net_rx_bytes=61440)).net_rx_bps == 1024


def test_a_clock_on_the_wall_that_jumps_is_no_matter(monkeypatch) -> None:
    monkeypatch.setattr("time.time", lambda: pytest.fail("only monotonic time may be used"))
    assert read(counters(0, net_rx_bytes=0), counters(2, net_rx_bytes=2048)).net_rx_bps == 1024


def test_no_virtual_cpus_is_unknown_not_a_crash() -> None:
    before, after = counters(0, vcpus=0, cpu_time_ns=0), counters(2, vcpus=0, cpu_time_ns=10)
    assert read(before, after).cpu_percent is None


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.none() | st.integers(0, 2**63), st.integers(0, 512)),
        max_size=8,
    )
)
def test_no_number_is_ever_negative_and_cpu_never_over_100(samples) -> None:
    meter = RateMeter()
    for at_s, total, vcpus in samples:
        found = meter.read(counters(at_s, vcpus=vcpus, cpu_time_ns=total, net_tx_bytes=total))
        assert found.cpu_percent is None or 0 <= found.cpu_percent <= 100
        assert found.net_tx_bps is None or found.net_tx_bps >= 0
