"""Reading history: evenly spaced, gaps as gaps, and only for those who may see the thing."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.services.test_history import NOW, mean
from vms.models import VM, Host
from vms.models.history import COLUMNS, DAY_S, HOUR_S
from vms.policy import Person
from vms.problems import NotFound
from vms.services import history, series
from vms.services.history import Minute
from vms.services.series import Span

pytestmark = pytest.mark.django_db


@pytest.fixture
def host() -> Host:
    return Host.objects.create(name="h", uri="test:///default")


@pytest.fixture
def guest(host, alice) -> VM:
    return VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="web", owner=alice)


@pytest.fixture
def write(host, guest):
    def one(at_s: int, cpu: float) -> None:
        history.record_minute(host, Minute(at_s, mean(1), {str(guest.pk): mean(cpu)}))

    return one


def read(user, vm, span: Span, now_s: float = NOW):
    return series.of_guest(actor=Person(user), vm_id=vm.pk, span=span, now_s=now_s)


@pytest.mark.parametrize("span", list(Span))
def test_a_span_has_at_most_800_points_that_lie_evenly_and_end_now(alice, guest, span) -> None:
    found = read(alice, guest, span, NOW + 17)
    steps = {b - a for a, b in zip(found.at_s, found.at_s[1:], strict=False)}
    assert steps == {found.step_s}
    assert len(found.at_s) <= 800
    assert found.at_s[-1] <= NOW + 17 < found.at_s[-1] + found.step_s
    assert {len(column) for column in found.columns.values()} == {len(found.at_s)}
    assert set(found.cpu_percent) == {None}


def test_a_missing_minute_is_none_and_never_zero(alice, guest, write) -> None:
    write(NOW - 180, 10)
    write(NOW - 60, 30)
    found = read(alice, guest, Span.HOUR)
    assert found.cpu_percent[-4:] == (10, None, 30, None)


def test_two_minutes_of_the_day_are_one_point(alice, guest, write) -> None:
    write(NOW, 10)
    write(NOW + 60, 30)
    assert read(alice, guest, Span.DAY, NOW + 200).cpu_percent[-2:] == (20, None)


@pytest.mark.parametrize("span", [Span.WEEK, Span.MONTH, Span.YEAR])
def test_what_is_not_rolled_up_yet_is_in_the_long_spans_too(alice, guest, write, span) -> None:
    write(NOW - DAY_S, 10)
    history.roll_up(NOW - HOUR_S)
    write(NOW - 60, 30)
    known = [value for value in read(alice, guest, span).cpu_percent if value is not None]
    assert known == [10, 30]


def test_nothing_counts_twice_where_minutes_and_quarters_overlap(alice, guest, write) -> None:
    for minute in range(60):
        write(NOW + minute * 60, 10 if minute < 30 else 40)
    history.roll_up(NOW + HOUR_S)
    found = read(alice, guest, Span.MONTH, NOW + HOUR_S)
    assert found.cpu_percent[-2:] == (25, None)


def test_mallory_learns_nothing_of_a_guest_and_users_nothing_of_hosts(
    mallory, alice, guest, host
) -> None:
    with pytest.raises(NotFound):
        read(mallory, guest, Span.HOUR)
    for user in (mallory, alice):
        with pytest.raises(NotFound):
            series.of_host(actor=Person(user), host_id=host.pk, span=Span.HOUR)


def test_an_administrator_reads_the_host(admin, host, write) -> None:
    write(NOW - 60, 10)
    found = series.of_host(actor=Person(admin), host_id=host.pk, span=Span.HOUR, now_s=NOW)
    assert found.cpu_percent[-2:] == (1, None)


@pytest.mark.parametrize("span", list(Span))
def test_reading_costs_the_same_few_queries_for_any_span(alice, guest, write, span) -> None:
    write(NOW - 60, 10)
    with CaptureQueriesContext(connection) as queries:
        read(alice, guest, span)
    assert len(queries) <= 5


def test_csv_has_a_line_per_period_and_empty_cells_for_gaps(alice, guest, write) -> None:
    write(NOW - 60, 12.5)
    lines = list(csv.reader(io.StringIO(series.as_csv(read(alice, guest, Span.HOUR)))))
    assert lines[0] == ["time", *COLUMNS]
    assert lines[-2] == ["2027-01-15T07:59:00Z", "12.5", "64.0", "128.0", "", "", "", ""]
    assert len(lines) == 61
