"""Ticks become minutes: averages, gaps, a clock that jumps."""

from __future__ import annotations

from vms.hypervisor.types import HostLoad
from vms.live.messages import Numbers
from vms.worker.minutes import MinuteBook

NOW = 1_800_000_000
LOAD = HostLoad(cpu_percent=50.0, memory_used_mib=100, memory_total_mib=200)


def test_a_minute_is_handed_out_once_the_next_one_has_begun():
    book = MinuteBook(2.0)
    assert book.add(NOW, {"a": Numbers(cpu_percent=10)}, LOAD) is None
    assert book.add(NOW + 58, {"a": Numbers(cpu_percent=20)}, LOAD) is None
    minute = book.add(NOW + 60, {"a": Numbers(cpu_percent=99)}, LOAD)
    assert minute.at_s == NOW
    assert minute.guests["a"].values[0] == 15
    assert minute.host.values[:3] == (50, 100, 200)
    assert minute.host.weight_s == 4


def test_a_number_that_is_unknown_in_one_tick_is_no_zero():
    book = MinuteBook(2.0)
    book.add(NOW, {"a": Numbers(memory_used_mib=10)}, None)
    book.add(NOW + 2, {"a": Numbers(memory_used_mib=10, disk_read_bps=500)}, None)
    minute = book.turn(NOW + 60)
    assert minute.guests["a"].values == (None, 10, None, 500, None, None, None)


def test_a_minute_without_ticks_is_no_minute():
    book = MinuteBook(2.0)
    assert book.turn(NOW) is None
    book.add(NOW, {}, LOAD)
    assert book.turn(NOW + 59) is None
    assert book.turn(NOW + 180).at_s == NOW
    assert book.turn(NOW + 240) is None


def test_a_clock_set_back_ends_the_minute_under_way():
    book = MinuteBook(2.0)
    book.add(NOW, {"a": Numbers(cpu_percent=10)}, None)
    assert book.add(NOW - 3600, {"a": Numbers(cpu_percent=80)}, None).at_s == NOW
    assert book.turn(NOW - 3500).guests["a"].values[0] == 80


def test_disk_and_network_of_a_host_are_those_of_its_guests_together():
    book = MinuteBook(2.0)
    guests = {
        "a": Numbers(disk_read_bps=100, net_tx_bps=1),
        "b": Numbers(disk_read_bps=50),
    }
    book.add(NOW, guests, LOAD)
    assert book.turn(NOW + 60).host.values[3:] == (150, None, None, 1)


def test_a_host_without_running_guests_reads_and_sends_nothing():
    book = MinuteBook(2.0)
    book.add(NOW, {}, LOAD)
    assert book.turn(NOW + 60).host.values[3:] == (0, 0, 0, 0)


def test_a_minute_is_never_heavier_than_sixty_seconds():
    book = MinuteBook(50.0)
    book.add(NOW, {}, LOAD)
    book.add(NOW + 50, {}, LOAD)
    assert book.turn(NOW + 60).host.weight_s == 60
