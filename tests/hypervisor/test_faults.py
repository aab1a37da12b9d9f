"""Hosts that do not answer: they cost a time limit, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vms.hypervisor import domains, registry
from vms.hypervisor.callpool import CallPool
from vms.hypervisor.connection import HostConnection, Lane
from vms.hypervisor.errors import HostAway, HostBusy, HostTimeout
from vms.hypervisor.link import BACKOFF_CAP_S, _backoff_s

ROOT = Path(__file__).parents[2]


def openers() -> int:
    return sum(thread.name == "libvirt-open" for thread in threading.enumerate())


def test_a_host_that_accepts_and_never_answers_is_away(silent_uri: str) -> None:
    host = HostConnection(silent_uri, open_timeout_s=0.3)
    before = openers()
    started = time.monotonic()
    with pytest.raises(HostAway):
        domains.list_all(host)
    assert 0.2 < time.monotonic() - started < 3
    assert not host.is_connected
    for _ in range(20):  # later callers do not wait, and no second open hangs beside the first
        started = time.monotonic()
        with pytest.raises(HostAway):
            domains.list_all(host)
        assert time.monotonic() - started < 0.2
    assert openers() == before + 1
    started = time.monotonic()
    host.close()
    assert time.monotonic() - started < 1.5


def test_a_silent_host_delays_no_other(silent_uri: str, host: HostConnection) -> None:
    silent = HostConnection(silent_uri, open_timeout_s=5)

    def wait_for_it() -> None:
        with pytest.raises(HostAway):
            domains.list_all(silent)

    waiting = threading.Thread(target=wait_for_it)
    waiting.start()
    started = time.monotonic()
    assert domains.list_all(host)
    assert time.monotonic() - started < 1
    assert waiting.is_alive()
    silent.close()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_process_can_end_while_a_host_does_not_answer(silent_uri: str) -> None:
    program = (
        "from vms.hypervisor.connection import HostConnection\n"
        "from vms.hypervisor import domains, errors\n"
        f"host = HostConnection({silent_uri!r}, open_timeout_s=0.2)\n"
        "try:\n"
        "    domains.list_all(host)\n"
        "except errors.HostAway:\n"
        "    print('away')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        timeout=15,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "away\n", "")


def test_a_host_that_refuses_says_why_and_is_not_tried_at_every_call() -> None:
    host = HostConnection("qemu+tcp://127.0.0.1:1/system")
    with pytest.raises(HostAway) as first:
        domains.list_all(host)
    assert first.value.params["reason"]
    with pytest.raises(HostAway) as second:
        domains.list_all(host)
    assert second.value.params == first.value.params
    host.close()


def test_backing_off_is_capped_and_never_the_same() -> None:
    waits = [_backoff_s(failures) for failures in range(60)]
    assert max(waits) <= BACKOFF_CAP_S
    assert all(wait >= 0.25 for wait in waits)
    assert len(set(waits)) > 50


def test_a_call_that_hangs_frees_its_caller_and_is_counted(host: HostConnection) -> None:
    release = threading.Event()
    freed: list[str] = []
    with pytest.raises(HostTimeout):
        host.call(
            Lane.VERBS,
            lambda _conn: release.wait(20) and "descriptor",
            timeout_s=0.1,
            on_late=lambda late: freed.append(str(late)),
        )
    assert host.stuck_threads == 1
    assert domains.list_all(host)
    release.set()
    assert wait_until(lambda: host.stuck_threads == 0)
    assert wait_until(lambda: freed == ["descriptor"])


def test_a_lane_whose_threads_all_hang_is_busy_and_the_others_are_not(
    host: HostConnection,
) -> None:
    release = threading.Event()
    for _ in range(4):
        with pytest.raises(HostTimeout):
            host.call(Lane.VERBS, lambda _conn: release.wait(20), timeout_s=0.05)
    started = time.monotonic()
    with pytest.raises(HostBusy):
        host.call(Lane.VERBS, lambda _conn: None)
    assert time.monotonic() - started < 0.5
    assert domains.list_all(host)
    release.set()
    assert wait_until(lambda: host.stuck_threads == 0)
    assert host.call(Lane.VERBS, lambda conn: conn.getType()) == "TEST"


def test_four_calls_of_a_lane_run_at_once_and_the_fifth_waits() -> None:
    pool = CallPool("test")
    barrier = threading.Barrier(5)
    most = threading.Semaphore(0)
    callers = [
        threading.Thread(target=lambda: pool.run(lambda: most.release() or barrier.wait(10), 20))
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for _ in range(4):
        assert most.acquire(timeout=5)
    with pytest.raises(HostBusy):
        pool.run(lambda: None, 0.1)
    barrier.wait(5)
    for caller in callers:
        caller.join(5)
    assert pool.run(lambda: "free again", 5) == "free again"
    assert pool.stuck == 0
    pool.close()
    with pytest.raises(HostAway):
        pool.run(lambda: None, 1)


def test_an_error_of_the_call_reaches_the_caller() -> None:
    pool = CallPool("test")
    with pytest.raises(ZeroDivisionError):
        pool.run(lambda: 1 // 0, 5)
    pool.close()


def test_a_closed_host_stays_closed() -> None:
    host = HostConnection("test:///default")
    assert domains.list_all(host)
    assert host.is_connected
    host.close()
    assert not host.is_connected
    with pytest.raises(HostAway):
        domains.list_all(host)


def test_the_registry_keeps_one_connection_per_host_until_its_uri_changes() -> None:
    first = registry.host_connection("h", "test:///default")
    assert registry.host_connection("h", "test:///default") is first
    second = registry.host_connection("h", "test:///other")
    assert second is not first
    assert wait_until(lambda: not first.is_connected)
    registry.forget("h")
    registry.forget("h")
    registry.close_all()


def test_only_hosts_without_an_address_are_local() -> None:
    table = {
        "qemu:///system": True,
        "test:///default": True,
        "qemu+unix:///system?socket=/x": True,
        "qemu://far/system": False,
        "qemu+ssh://root@far/system": False,
        "qemu+tcp://127.0.0.1/system": False,
        "qemu+ssh:///system": False,
    }
    assert {uri: HostConnection(uri).is_local for uri in table} == table


def wait_until(is_true: object, limit_s: float = 5.0) -> bool:
    """Wait for a condition; True as soon as it holds."""
    deadline = time.monotonic() + limit_s
    tick = threading.Event()
    while time.monotonic() < deadline:
        if is_true():  # type: ignore[operator] # a callable
            return True
        tick.wait(0.01)
    return False
