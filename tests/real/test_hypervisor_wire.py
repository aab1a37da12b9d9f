"""A real libvirtd behind a wire that falls silent or breaks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wire import Wire
from vms.hypervisor import domains, link, stats
from vms.hypervisor.connection import HostConnection, Lane
from vms.hypervisor.errors import HostAway, HostBusy, HostTimeout
from vms.hypervisor.events import EventFeed
from vms.hypervisor.types import EventKind, HostEvent

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]


@pytest.fixture
def wire(tmp_path: Path, real_host: HostConnection) -> Iterator[Wire]:
    with Wire(tmp_path / "s") as wire:
        yield wire


@pytest.fixture
def host(wire: Wire) -> Iterator[HostConnection]:
    host = HostConnection(wire.uri, open_timeout_s=1)
    domains.list_all(host)
    yield host
    wire.unmute()
    host.close()


def wait_until(is_true: object, limit_s: float = 10.0) -> bool:
    deadline = time.monotonic() + limit_s
    tick = threading.Event()
    while time.monotonic() < deadline:
        if is_true():  # type: ignore[operator] # a callable
            return True
        tick.wait(0.02)
    return False


def test_a_cut_connection_is_opened_again_without_the_caller_noticing(
    wire: Wire, host: HostConnection
) -> None:
    assert wire.accepted == 1
    wire.cut()
    assert wait_until(lambda: not host.is_connected)
    domains.list_all(host)
    stats.sample(host)
    assert wire.accepted == 2


def test_a_call_that_was_under_way_when_the_wire_broke_is_not_repeated(
    wire: Wire, host: HostConnection
) -> None:
    calls: list[int] = []

    def ask(conn: object) -> object:
        calls.append(1)
        return conn.getHostname()  # type: ignore[attr-defined] # virConnect has no types

    wire.mute()
    threading.Timer(0.3, wire.cut).start()
    with pytest.raises(HostAway):
        host.call(Lane.WATCH, ask)
    wire.unmute()
    assert calls == [1]
    assert domains.list_all(host) is not None


def test_a_host_that_falls_silent_costs_a_time_limit_and_then_comes_back(
    wire: Wire, host: HostConnection, real_host: HostConnection
) -> None:
    wire.mute()
    with pytest.raises(HostTimeout):
        stats.sample(host, timeout_s=0.1)
    assert host.stuck_threads == 1
    started = time.monotonic()
    for _ in range(5):
        with pytest.raises(HostBusy):
            stats.sample(host)  # waits for the open of another connection, and only once
    assert time.monotonic() - started < 2
    stats.sample(real_host, timeout_s=2)  # nobody else notices
    wire.unmute()
    assert wait_until(lambda: host.stuck_threads == 0)
    stats.sample(host)


def test_keepalive_gives_every_stuck_call_back(
    wire: Wire, real_host: HostConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "KEEPALIVE_INTERVAL_S", 1)
    monkeypatch.setattr(link, "KEEPALIVE_COUNT", 1)
    host = HostConnection(wire.uri)
    hold_all = threading.Barrier(4)
    opened = [
        threading.Thread(target=host.call, args=(Lane.WATCH, lambda _conn: hold_all.wait(10)))
        for _ in range(4)
    ]
    for caller in opened:
        caller.start()
    for caller in opened:
        caller.join(10)
    wire.mute()
    callers = [threading.Thread(target=time_out, args=(host,)) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    assert host.stuck_threads == 4
    assert wait_until(lambda: host.stuck_threads == 0, 20)
    assert not host.is_connected
    wire.unmute()
    assert wait_until(lambda: can_sample(host), 20)
    host.close()


def time_out(host: HostConnection) -> None:
    with pytest.raises((HostTimeout, HostBusy)):
        stats.sample(host, timeout_s=0.1)


def can_sample(host: HostConnection) -> bool:
    try:
        stats.sample(host, timeout_s=2)
    except HostAway:
        return False
    return True


def test_every_call_under_way_has_a_connection_of_its_own(wire: Wire, host: HostConnection) -> None:
    inside = threading.Barrier(4)
    seen: list[object] = []

    def ask(conn: object) -> None:
        inside.wait(10)
        seen.append(conn)

    callers = [threading.Thread(target=host.call, args=(Lane.WATCH, ask)) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(10)
    assert len({id(conn) for conn in seen}) == 4
    assert wire.accepted == 4
    for _ in range(20):
        stats.sample(host)
    assert wire.accepted == 4


def test_a_session_keeps_its_connection_to_itself(wire: Wire, host: HostConnection) -> None:
    with host.session(Lane.WATCH) as session:
        first = session.call(id)
        assert session.call(id) == first
        assert host.call(Lane.WATCH, id) != first
        wire.mute()
        with pytest.raises(HostTimeout):
            session.call(lambda conn: conn.getHostname(), timeout_s=0.1)
        with pytest.raises(HostBusy):  # never two at once on one connection
            session.call(id)
        wire.unmute()
    assert wait_until(lambda: host.stuck_threads == 0)
    assert wire.accepted == 2


def test_events_go_on_over_the_next_connection(wire: Wire, host: HostConnection) -> None:
    seen: list[HostEvent] = []
    feed = EventFeed(host, seen.append)
    feed.start()
    assert [event.kind for event in seen] == [EventKind.CONNECTION_MADE]
    wire.cut()
    assert wait_until(lambda: len(seen) == 2)
    stats.sample(host)
    assert [event.kind for event in seen] == [
        EventKind.CONNECTION_MADE,
        EventKind.CONNECTION_LOST,
        EventKind.CONNECTION_MADE,
    ]
    feed.stop()


def test_no_descriptor_is_left_behind_by_reconnecting(wire: Wire, host: HostConnection) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    counts = []
    for _ in range(6):
        wire.cut()
        assert wait_until(lambda: not host.is_connected)
        stats.sample(host)
        counts.append(descriptors())
    assert counts[-1] <= counts[0] + 2, counts


@pytest.mark.timeout(60)
def test_a_process_ends_while_a_host_is_silent(wire: Wire) -> None:
    program = (
        "import sys\n"
        "from vms.hypervisor import errors, stats\n"
        "from vms.hypervisor.connection import HostConnection\n"
        f"host = HostConnection({wire.uri!r})\n"
        "stats.sample(host)\n"
        "print('connected', flush=True)\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    stats.sample(host, timeout_s=0.2)\n"
        "except errors.HostTimeout:\n"
        "    print('silent', flush=True)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "connected\n"
        wire.mute()
        started = time.monotonic()
        out, err = child.communicate("go\n", timeout=30)
        assert (child.returncode, out, err) == (0, "silent\n", "")
        assert time.monotonic() - started < 5
    finally:
        child.kill()
        child.wait()
