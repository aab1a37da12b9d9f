"""How often something may be asked for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from vms.problems import TooMany
from vms.services import limits
from vms.services.limits import Limit

THREE = Limit("three", 3, 60)


@pytest.fixture(autouse=True)
def now(monkeypatch) -> list[float]:
    """A clock that stands until it is moved."""
    moment = [6_000.0]
    monkeypatch.setattr(time, "time", lambda: moment[0])
    return moment


def test_what_is_over_the_amount_is_refused_with_the_seconds_to_wait(now):
    now[0] += 20
    for _ in range(3):
        limits.spend(THREE, "alice")
    with pytest.raises(TooMany) as caught:
        limits.spend(THREE, "alice")
    assert caught.value.wait_s == 41
    with pytest.raises(TooMany):
        limits.require_left(THREE, "alice")


def test_each_key_and_each_limit_counts_for_itself():
    for _ in range(3):
        limits.spend(THREE, "alice")
    limits.spend(THREE, "bob")
    limits.spend(Limit("other", 1, 60), "alice")


def test_the_next_window_begins_at_nothing(now):
    for _ in range(3):
        limits.spend(THREE, "alice")
    now[0] += 60
    limits.require_left(THREE, "alice")
    limits.spend(THREE, "alice")


def test_asking_at_the_same_moment_gets_nobody_more():
    def one(_number: int) -> bool:
        try:
            limits.spend(THREE, "alice")
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == 3
