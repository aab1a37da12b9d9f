"""Memory of the server, idle and for each open console; how soon a console shows its picture."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator

from tests.bench.booting import wait_for_boot
from tests.bench.procs import MIB, children, pss_bytes, rss_bytes
from tests.bench.table import Row, spread
from tests.bench.visitor import Visitor
from tests.bench.wire import WebsocketWire
from tests.support.gateway import running_gateway
from tests.support.site import Site, running_site

GUESTS = 4
CONSOLES = 20
PICTURES = 3
"""Drawn by each console, so that its buffers have been in use."""
SETTLE_S = 6.0
GOAL_IDLE_MIB = 150
GOAL_CONSOLE_KB = 300
PAGES = ("/", "/guests/new/", "/templates/", "/host/", "/people/", "/api/v1/openapi.json")
RAW = 0
PIXEL_BYTES = 4
REQUEST = struct.Struct(">BBHHHH")
SERVER_INIT = struct.Struct(">HH16sI")
RECTANGLE = struct.Struct(">HHHHi")


def measure() -> Iterator[Row]:
    """Give a row for the idle server, one for a console, and one for the time that it takes."""
    with running_site(KVMWEB_CONSOLE_MAX_PER_USER=str(2 * CONSOLES)) as site:
        settle()
        fresh = rss_bytes(site.pid) / MIB
        look_at_pages(site)
        guests = [str(site.create(f"screen {number}")["id"]) for number in range(GUESTS)]
        wait_for_boot(site, guests)
        settle()
        idle = rss_bytes(site.pid) / MIB
        yield Row(
            "memory of the server, idle",
            f"{idle:.0f} MiB ({fresh:.0f} before the first page)",
            f"< {GOAL_IDLE_MIB} MiB",
            idle < GOAL_IDLE_MIB,
        )
        yield from console_rows(site, guests)


def settle() -> None:
    """Let samples, listings and jobs pass."""
    threading.Event().wait(SETTLE_S)


def look_at_pages(site: Site) -> None:
    """Visit every kind of page, so that what is loaded on first use is loaded."""
    visitor = Visitor(site)
    try:
        visitor.log_in()
        for path in PAGES:
            assert visitor.get(path).status == 200, path
    finally:
        visitor.close()


def console_rows(site: Site, guests: list[str]) -> Iterator[Row]:
    """Open consoles, draw their pictures, and see what the server has grown by."""
    before = rss_bytes(site.pid)
    consoles: list[Console] = []
    took_s = []
    try:
        for number in range(CONSOLES):
            began_s = time.perf_counter()
            console = Console(site, guests[number % GUESTS])
            consoles.append(console)
            console.draw()
            took_s.append(time.perf_counter() - began_s)
        for console in consoles:
            for _ in range(PICTURES - 1):
                console.draw()
        settle()
        each_kb = (rss_bytes(site.pid) - before) / CONSOLES / 1000
    finally:
        for console in consoles:
            console.close()
    yield Row(
        "memory for each open console",
        f"{each_kb:.0f} kB (of {CONSOLES} at {GUESTS} guests)",
        f"< {GOAL_CONSOLE_KB} kB",
        each_kb < GOAL_CONSOLE_KB,
    )
    yield gateway_row(site, guests)
    yield Row("console: from asking for a ticket to the first picture", spread(took_s))


def gateway_row(site: Site, guests: list[str]) -> Row:
    """The same through a gateway, which has a process for each: their shares of shared memory."""
    with running_gateway(site) as gateway:
        alone = pss_bytes(gateway.pid)
        consoles = [Console(site, guests[number % GUESTS]) for number in range(CONSOLES)]
        try:
            for console in consoles:
                for _ in range(PICTURES):
                    console.draw()
            used = pss_bytes(gateway.pid) - alone
            used += sum(pss_bytes(pid) for pid in children(gateway.pid))
        finally:
            for console in consoles:
                console.close()
    return Row("... the same through a gateway", f"{used / CONSOLES / 1000:.0f} kB")


class Console:
    """A VNC client that draws nowhere, let in with a ticket of the API."""

    def __init__(self, site: Site, vm_id: str) -> None:
        ticket = site.api("POST", f"vms/{vm_id}/console")
        self._wire = WebsocketWire(ticket["url"], tuple(ticket["protocols"]))
        wire = self._wire
        wire.take(12)
        wire.send(b"RFB 003.008\n")
        wire.take(wire.take(1)[0])
        wire.send(b"\x01")
        assert wire.take(4) == bytes(4), "the display wants a password"
        wire.send(b"\x01")
        self._width, self._height, _format, name_bytes = SERVER_INIT.unpack(
            wire.take(SERVER_INIT.size)
        )
        wire.take(name_bytes)
        wire.send(struct.pack(">BxHi", 2, 1, RAW))

    def draw(self) -> None:
        """Ask for the whole screen and read it, pixel by pixel uncompressed."""
        self._wire.send(REQUEST.pack(3, 0, 0, 0, self._width, self._height))
        kind, rectangles = struct.unpack(">BxH", self._wire.take(4))
        assert kind == 0, f"server message {kind}"
        for _ in range(rectangles):
            _x, _y, width, height, encoding = RECTANGLE.unpack(self._wire.take(RECTANGLE.size))
            assert encoding == RAW, f"encoding {encoding}"
            self._wire.take(width * height * PIXEL_BYTES)

    def close(self) -> None:
        """Hang up."""
        self._wire.close()
