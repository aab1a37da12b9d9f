"""From ticks of a real host to rows: the sampler hands minutes over, the historian writes them."""

from __future__ import annotations

import itertools
import threading
import time
from types import SimpleNamespace

import pytest

from vms.hypervisor.types import HostLoad
from vms.models import Average, Host
from vms.models.history import HOUR_S, MINUTE_S, QUARTER_S
from vms.services.history import Mean, Minute
from vms.worker import sampler
from vms.worker.desk import Desk
from vms.worker.historian import MOST_WAITING, Historian
from vms.worker.loops import spawn

pytestmark = pytest.mark.django_db(transaction=True)

MEAN = Mean((10.0, 1.0, 2.0, None, None, None, None), 60)


@pytest.fixture
def running():
    """Start threads: running(body, stop); they are stopped and over at the end."""
    begun: list[tuple[threading.Thread, threading.Event]] = []

    def start(body, stop: threading.Event) -> None:
        begun.append((spawn("under test", body), stop))

    yield start
    for thread, stop in begun:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


def test_the_sampler_hands_over_each_minute_that_is_past(
    test_host, monkeypatch, running, eventually
) -> None:
    clock = itertools.count(1_800_000_000, 20)
    monkeypatch.setattr(sampler, "time", SimpleNamespace(time=lambda: next(clock)))
    monkeypatch.setattr(
        sampler.LoadMeter, "read", lambda _meter, _connection: HostLoad(50.0, 100, 200)
    )
    kept: list[tuple[Host, Minute]] = []
    desk = Desk(test_host)
    book = sampler.Sampler(desk, 0.05, lambda host, minute: kept.append((host, minute)))
    running(book.run, desk.stop)
    eventually(lambda: len(kept) >= 2)
    (host, first), (_host, second) = kept[:2]
    assert host.pk == test_host.pk
    assert second.at_s > first.at_s
    assert first.host.values[:3] == (50.0, 100, 200)


def test_the_historian_writes_minutes_and_rolls_them_up(db, running, eventually) -> None:
    host = Host.objects.create(name="h", uri="test:///default")
    hour_s = int(time.time()) // HOUR_S * HOUR_S - HOUR_S
    stop = threading.Event()
    historian = Historian(stop)
    historian.put(host, Minute(hour_s - QUARTER_S, MEAN))
    historian.put(host, Minute(hour_s - MINUTE_S, MEAN))
    running(historian.run, stop)
    eventually(lambda: Average.objects.filter(resolution_s=HOUR_S).exists())
    rows = Average.objects.filter(track__host=host).order_by("resolution_s", "at_s")
    assert list(rows.values_list("resolution_s", "at_s", "weight_s")) == [
        (MINUTE_S, hour_s - QUARTER_S, 60),
        (MINUTE_S, hour_s - MINUTE_S, 60),
        (QUARTER_S, hour_s - QUARTER_S, 120),
        (HOUR_S, hour_s - HOUR_S, 120),
    ]


def test_a_database_that_cannot_be_written_costs_minutes_and_no_memory() -> None:
    historian = Historian(threading.Event())
    for at_s in range(MOST_WAITING + 5):
        historian.put(Host(name="h"), Minute(at_s, MEAN))
