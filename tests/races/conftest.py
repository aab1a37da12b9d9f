"""Threads that do something at the same moment, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

LIMIT_S = 30


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do every act in a thread of its own, begun together; return results or what was raised."""
    barrier = threading.Barrier(len(acts), timeout=LIMIT_S)

    def run(act: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return act()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(LIMIT_S) for future in [pool.submit(run, act) for act in acts]]


def refusals(results: Sequence[object]) -> list[Exception]:
    """Those of the results that are errors."""
    return [result for result in results if isinstance(result, Exception)]


@pytest.fixture(autouse=True)
def _jobs_wait() -> None:
    """Jobs stay in the queue: what is tried here is who gets to ask for them."""
    from vms.queue import huey

    huey.immediate = False


@pytest.fixture(autouse=True)
def _real_transactions(transactional_db: None) -> None:
    """Commit for real: threads would not see each other's rows otherwise."""
