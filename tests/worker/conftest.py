"""Waiting for what threads do, with a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Return eventually(condition, limit_s=5): its first true value; fails after the limit."""

    def wait(condition: Callable[[], Any], limit_s: float = 5.0) -> Any:
        deadline_s, pause = time.monotonic() + limit_s, threading.Event()
        while not (value := condition()):
            assert time.monotonic() < deadline_s, f"not within {limit_s} s"
            pause.wait(0.01)
        return value

    return wait
