"""The console's relay and the gateway's beside websockify and a direct socket, and what watching
costs: the same client, upstream and run.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.table import Row
from tests.bench.upstream import BLOCK, echo_command, source_command
from tests.bench.wire import DirectWire, WebsocketWire, Wire
from tests.support.site import ROOT, free_port, wait_until

ROUNDS = 5
STREAM_BYTES = 384 * len(BLOCK)
WARM_UP_BYTES = 32 * len(BLOCK)
TURNS = 25
ROUND_TRIPS = 300
"""In each turn; a turn is quick or slow by the cores that the kernel gives to its processes."""
EVENT = b"\x03\x01" + bytes(8)
"""A request for an update, which a viewer may send too."""
GOAL_THROUGHPUT = 1.0
GOAL_ROUND_TRIP = 1.0
GOAL_FILTER = 0.05
OURS, THEIRS, DIRECT = "kvmweb", "websockify", "direct socket"
GATEWAY, VIEWER = "gateway", "watching"
Connect = Callable[[], Wire]


def measure() -> Iterator[Row]:
    """Give rows for throughput and for the round trip."""
    with contenders() as ways:
        for connect in ways.values():
            stream(connect, WARM_UP_BYTES)
            round_trip(connect)
        rates = interleaved(ways, ROUNDS, lambda connect: stream(connect, STREAM_BYTES))
        trips = interleaved(ways, TURNS, round_trip)
    rate = {name: statistics.median(each) for name, each in rates.items()}
    trip = {name: statistics.quantiles(each)[0] for name, each in trips.items()}
    yield Row(
        "console relay, throughput to the browser",
        ", ".join(f"{name} {rate[name] / 1e6:.0f}" for name in ways) + " MB/s"
        f" ({rate[OURS] / rate[THEIRS]:.2f} times websockify)",
        f">= {GOAL_THROUGHPUT} times",
        rate[OURS] / rate[THEIRS] >= GOAL_THROUGHPUT,
    )
    yield Row(
        f"console relay, round trip of {len(EVENT)} bytes",
        ", ".join(f"{name} {trip[name] * 1e6:.0f}" for name in ways) + " µs"
        f" ({trip[OURS] / trip[THEIRS]:.2f} times websockify)",
        f"<= {GOAL_ROUND_TRIP} times",
        trip[OURS] / trip[THEIRS] <= GOAL_ROUND_TRIP,
    )
    slower, longer = 1 - rate[VIEWER] / rate[OURS], trip[VIEWER] / trip[OURS] - 1
    yield Row(
        "... what the filter costs one who watches",
        f"{slower:.1%} of the throughput, {longer:.1%} of the round trip",
        f"< {GOAL_FILTER:.0%}",
        max(slower, longer) < GOAL_FILTER,
    )
    yield Row(
        "... the gateway beside websockify",
        f"{rate[GATEWAY] / rate[THEIRS]:.2f} times its throughput, "
        f"{trip[GATEWAY] / trip[THEIRS]:.2f} times its round trip",
    )


def interleaved(
    ways: dict[str, Connect], rounds: int, measured: Callable[[Connect], float]
) -> dict[str, list[float]]:
    """Measure each way in every round, in changing order."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in sorted(ways, reverse=bool(number % 2)):
            found[name].append(measured(ways[name]))
    return found


def stream(connect: Connect, count: int) -> float:
    """Read so many bytes from the source; return bytes per second."""
    wire = connect()
    try:
        began_s = time.perf_counter()
        wire.send(source_command(count))
        wire.skip(count)
        return count / (time.perf_counter() - began_s)
    finally:
        wire.close()


def round_trip(connect: Connect) -> float:
    """Send small messages to the echo, one at a time; return the median seconds of one."""
    wire = connect()
    times_s = []
    try:
        wire.send(echo_command())
        for _ in range(ROUND_TRIPS):
            began_s = time.perf_counter()
            wire.send(EVENT)
            wire.skip(len(EVENT))
            times_s.append(time.perf_counter() - began_s)
    finally:
        wire.close()
    return statistics.median(times_s)


@contextlib.contextmanager
def contenders() -> Iterator[dict[str, Connect]]:
    """Start the upstream and both relays; give a way to connect through each."""
    with (
        tempfile.TemporaryDirectory(prefix="kvmweb-bench-") as folder,
        contextlib.ExitStack() as stack,
    ):
        path = Path(folder) / "upstream"
        ours, theirs, gateway = free_port(), free_port(), free_port()

        def start(*command: str) -> None:
            stack.enter_context(process(*command, home=Path(folder)))

        start(sys.executable, "-m", "tests.bench.upstream", str(path))
        wait_until(path.exists, what="upstream")
        start(sys.executable, "-m", "tests.bench.relay_server", str(ours), str(path))
        start(sys.executable, "-m", "tests.bench.gateway_server", str(gateway), str(path))
        websockify = Path(sys.executable).with_name("websockify")
        start(str(websockify), "--unix-target", str(path), f"127.0.0.1:{theirs}")
        for port in (ours, theirs, gateway):
            wait_until(lambda port=port: is_listening(port), what=f"relay on {port}")  # type: ignore[misc]
        yield {
            OURS: lambda: WebsocketWire(f"ws://127.0.0.1:{ours}/"),
            VIEWER: lambda: WebsocketWire(f"ws://127.0.0.1:{ours}/view"),
            GATEWAY: lambda: WebsocketWire(f"ws://127.0.0.1:{gateway}/"),
            THEIRS: lambda: WebsocketWire(f"ws://127.0.0.1:{theirs}/websockify"),
            DIRECT: lambda: DirectWire(path),
        }


@contextlib.contextmanager
def process(*command: str, home: Path) -> Iterator[None]:
    """Run a process that keeps what it writes in that directory, and end it afterwards."""
    environment = {**os.environ, "KVMWEB_HOME": str(home)}
    with (home / "log").open("ab") as output:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(5)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def is_listening(port: int) -> bool:
    """Say whether somebody listens on that port of the loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
