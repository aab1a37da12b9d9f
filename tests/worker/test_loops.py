"""The top loops of the worker: they never end, keep their rhythm, do not repeat themselves."""

from __future__ import annotations

import threading
import time

import pytest
from structlog.testing import capture_logs

from vms.worker import loops


def run(loop, step, pause_s: float, limit_s: float = 5) -> None:
    """Run a loop until `step` sets the stop event that it is given."""
    stop = threading.Event()
    thread = threading.Thread(target=loop, args=(lambda: step(stop), stop, pause_s))
    thread.start()
    thread.join(limit_s)
    assert not thread.is_alive()


@pytest.mark.parametrize("loop", [loops.repeat, loops.tick])
def test_a_step_that_fails_a_hundred_times_is_logged_once_and_once_when_it_works(
    loop, monkeypatch
) -> None:
    monkeypatch.setattr(loops, "AFTER_ERROR_S", 0)
    count = 0

    def step(stop: threading.Event) -> None:
        nonlocal count
        count += 1
        if count > 100:
            stop.set()
        else:
            raise ValueError("again")

    with capture_logs() as logs:
        run(loop, step, 0)
    assert [entry["event"] for entry in logs] == ["worker-step-failed", "worker-step-works-again"]
    assert logs[1]["failures"] == 100


def test_another_error_is_news() -> None:
    once = loops.Once()
    assert [once.is_news(what) for what in ("a", "a", "b", "b")] == [True, False, True, False]
    assert once.over() == 4
    assert once.is_news("b")


def test_ticks_keep_their_rhythm_whatever_a_step_takes() -> None:
    began, pause = [], threading.Event()

    def step(stop: threading.Event) -> None:
        began.append(time.monotonic())
        if len(began) == 5:
            stop.set()
        pause.wait(0.05)

    run(loops.tick, step, 0.1)
    assert began[-1] - began[0] < 0.55


def test_a_step_that_takes_longer_than_the_interval_leaves_ticks_out() -> None:
    began, pause = [], threading.Event()

    def step(stop: threading.Event) -> None:
        began.append(time.monotonic())
        if len(began) == 4:
            stop.set()
        elif len(began) == 1:
            pause.wait(0.3)

    run(loops.tick, step, 0.1)
    assert began[2] - began[1] > 0.05
