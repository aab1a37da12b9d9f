"""History: what is kept, how it is rolled up, and that neither gaps nor clocks spoil it."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from vms.models import VM, Average, Host, RolledUp, Track
from vms.models.history import DAY_S, HOUR_S, MINUTE_S, QUARTER_S
from vms.services import history, sync
from vms.services.history import Mean, Minute

NOW = 1_800_000_000
"""The begin of an hour."""
pytestmark = pytest.mark.django_db


@pytest.fixture
def host() -> Host:
    return Host.objects.create(name="h", uri="test:///default")


@pytest.fixture
def guest(host, alice) -> VM:
    return VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="web", owner=alice)


def mean(cpu: float | None, weight_s: int = 60, disk: float | None = None) -> Mean:
    return Mean((cpu, 64.0, 128.0, disk, None, None, None), weight_s)


def write(host: Host, vm: VM, at_s: int, cpu: float | None, weight_s: int = 60, **more) -> None:
    guests = {str(vm.pk): mean(cpu, weight_s, **more)}
    history.record_minute(host, Minute(at_s, mean(None), guests))


def rows(vm: VM, resolution_s: int) -> list[tuple[int, float | None, int]]:
    found = Average.objects.filter(track__vm=vm, resolution_s=resolution_s).order_by("at_s")
    return list(found.values_list("at_s", "cpu_percent", "weight_s"))


def test_a_minute_is_written_for_the_host_and_each_guest(host, guest) -> None:
    write(host, guest, NOW, 12.5, 58)
    assert rows(guest, MINUTE_S) == [(NOW, 12.5, 58)]
    of_host = Average.objects.get(track__host=host)
    assert (of_host.cpu_percent, of_host.memory_used_mib) == (None, 64.0)


def test_a_minute_that_is_written_again_stays_as_it_was(host, guest) -> None:
    write(host, guest, NOW, 10)
    write(host, guest, NOW, 90)
    assert rows(guest, MINUTE_S) == [(NOW, 10, 60)]


def test_a_guest_of_which_nothing_is_known_gets_no_row(host, guest) -> None:
    nothing = Mean((None,) * 7, 60)
    history.record_minute(host, Minute(NOW, nothing, {str(guest.pk): nothing}))
    assert not Average.objects.exists()


def test_a_guest_that_was_deleted_meanwhile_is_left_out(host, guest) -> None:
    gone = {str(uuid.uuid4()): mean(1), str(guest.pk): mean(2)}
    history.record_minute(host, Minute(NOW, mean(3), gone))
    assert Average.objects.count() == 2


def test_a_host_that_was_removed_meanwhile_is_left_out(host) -> None:
    Host.objects.filter(pk=host.pk).delete()
    history.record_minute(host, Minute(NOW, mean(3), {str(uuid.uuid4()): mean(1)}))
    assert not Track.objects.exists()


def test_a_thousand_guests_cost_one_transaction_with_few_queries(host) -> None:
    guests = [VM(host=host, domain_uuid=uuid.uuid4(), name=str(i)) for i in range(1000)]
    VM.objects.bulk_create(guests)
    minute = {str(guest.pk): mean(5, disk=1000) for guest in guests}
    history.record_minute(host, Minute(NOW, mean(1), minute))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        history.record_minute(host, Minute(NOW + 60, mean(1), minute))
    reading = [each for each in queries if each["sql"].startswith("SELECT")]
    assert len(reading) == 2
    assert Average.objects.filter(at_s=NOW + 60).count() == 1001


def test_a_quarter_is_the_average_weighted_by_the_seconds_measured(host, guest) -> None:
    write(host, guest, NOW, 10, 60)
    write(host, guest, NOW + 60, 40, 30)
    history.roll_up(NOW + QUARTER_S + history.LATE_S)
    assert rows(guest, QUARTER_S) == [(NOW, 20, 90)]


def test_a_number_that_was_unknown_for_a_while_is_averaged_over_the_rest(host, guest) -> None:
    write(host, guest, NOW, 10, disk=None)
    write(host, guest, NOW + 60, 20, disk=600)
    history.roll_up(NOW + QUARTER_S + history.LATE_S)
    quarter = Average.objects.get(track__vm=guest, resolution_s=QUARTER_S)
    assert (quarter.cpu_percent, quarter.disk_read_bps) == (15, 600)
    assert quarter.net_rx_bps is None


def test_a_quarter_is_not_made_before_its_last_minute_can_be_there(host, guest) -> None:
    write(host, guest, NOW, 10)
    history.roll_up(NOW + QUARTER_S + history.LATE_S - 1)
    assert rows(guest, QUARTER_S) == []


def test_an_hour_is_made_out_of_its_quarters(host, guest) -> None:
    for index, cpu in enumerate((10, 20, 30, 60)):
        write(host, guest, NOW + index * QUARTER_S, cpu)
    history.roll_up(NOW + HOUR_S + history.LATE_S)
    assert rows(guest, HOUR_S) == [(NOW, 30, 240)]


def test_rolling_up_twice_changes_nothing(host, guest) -> None:
    for minute in range(120):
        write(host, guest, NOW + minute * 60, minute)
    history.roll_up(NOW + 2 * HOUR_S + history.LATE_S)
    before = list(Average.objects.order_by("pk").values())
    history.roll_up(NOW + 2 * HOUR_S + history.LATE_S + 30)
    RolledUp.objects.all().delete()
    history.roll_up(NOW + 2 * HOUR_S + history.LATE_S + 60)
    assert list(Average.objects.order_by("pk").values()) == before


def test_periods_without_minutes_stay_gaps_however_long(host, guest) -> None:
    write(host, guest, NOW, 10)
    write(host, guest, NOW + 10 * DAY_S, 20)
    with CaptureQueriesContext(connection) as queries:
        history.roll_up(NOW + 10 * DAY_S + HOUR_S + history.LATE_S)
    assert [at_s for at_s, *_rest in rows(guest, QUARTER_S)] == [NOW, NOW + 10 * DAY_S]
    assert [at_s for at_s, *_rest in rows(guest, HOUR_S)] == [NOW, NOW + 10 * DAY_S]
    assert len(queries) < 60


def test_minutes_that_wait_for_a_server_that_was_off_are_rolled_up_before_they_go(
    host, guest
) -> None:
    write(host, guest, NOW, 10)
    later = NOW + 3 * DAY_S
    history.delete_old(later)
    assert len(rows(guest, MINUTE_S)) == 1
    history.roll_up(later)
    history.delete_old(later)
    assert rows(guest, MINUTE_S) == []
    assert rows(guest, QUARTER_S) == [(NOW, 10, 60)]


def test_a_clock_that_was_set_back_makes_up_the_periods_again(host, guest, alice) -> None:
    write(host, guest, NOW, 10)
    history.roll_up(NOW + HOUR_S + history.LATE_S)
    young = VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="new", owner=alice)
    write(host, young, NOW + 60, 80)
    history.roll_up(NOW + 120)
    history.roll_up(NOW + HOUR_S + history.LATE_S)
    assert rows(young, QUARTER_S) == [(NOW, 80, 60)]
    assert rows(guest, QUARTER_S) == [(NOW, 10, 60)]


def test_what_a_wrong_clock_dated_into_the_future_is_deleted(host, guest) -> None:
    write(host, guest, NOW + 400 * DAY_S, 10)
    write(host, guest, NOW, 10)
    history.delete_old(NOW + 60)
    assert [at_s for at_s, *_rest in rows(guest, MINUTE_S)] == [NOW]


def test_minutes_are_kept_a_day_quarters_a_month_hours_a_year(host, guest) -> None:
    track = Track.objects.create(vm=guest)
    kept = {MINUTE_S: DAY_S, QUARTER_S: 30 * DAY_S, HOUR_S: 365 * DAY_S}
    for resolution_s, age_s in kept.items():
        for at_s in (NOW - age_s - 60, NOW - age_s):
            Average.objects.create(
                track=track, resolution_s=resolution_s, at_s=at_s, weight_s=60, cpu_percent=1
            )
        RolledUp.objects.create(resolution_s=resolution_s, until_s=NOW)
    history.delete_old(NOW)
    left = Average.objects.values_list("resolution_s", "at_s")
    assert set(left) == {(resolution_s, NOW - age_s) for resolution_s, age_s in kept.items()}


def test_the_history_of_a_guest_goes_with_it_in_few_queries(host, guest, alice) -> None:
    other = VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="db", owner=alice)
    write(host, other, NOW, 1)
    track = Track.objects.create(vm=guest)
    Average.objects.bulk_create(
        Average(track=track, resolution_s=60, at_s=NOW + i, weight_s=1, cpu_percent=1)
        for i in range(13_000)
    )
    with CaptureQueriesContext(connection) as queries:
        sync.drop(guest.pk)
    assert not Average.objects.filter(track_id=track.pk).exists()
    assert len(rows(other, MINUTE_S)) == 1
    about = [each for each in queries if "vms_average" in each["sql"]]
    assert len(about) <= 2
