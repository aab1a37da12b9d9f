"""Serial consoles: each device is opened once in this process and shared by all who look at it.

The device takes one reader, so that what it says is handed to every viewer from here. A viewer who
does not keep up is cut off; nobody's slowness costs memory or the others anything.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from vms.hypervisor import consoles as devices
from vms.hypervisor import registry
from vms.hypervisor.errors import HypervisorError, SerialBusy
from vms.hypervisor.serial import SerialPort
from vms.streams import threads
from vms.streams.closing import (
    BROWSER_GONE,
    FAILED,
    GUEST_ENDED,
    TOO_SLOW,
    Ending,
    Receive,
    Send,
    ending_of,
)
from vms.streams.relay import Hearer, heard

SCROLLBACK_BYTES = 64 * 1024
MAX_BEHIND_BYTES = 256 * 1024
"""More than this not taken by a viewer, and he is cut off."""
MAX_MESSAGE_BYTES = 64 * 1024
"""Of what a viewer types or pastes at once."""
TOO_MUCH = Ending(4500, "too-much-at-once")
CHUNKS_AHEAD = 8
"""Chunks that the port's thread may be ahead of the loop."""
RELEASE_S = 10.0


@dataclass(frozen=True, slots=True)
class Device:
    """Which serial device of which guest."""

    host_id: str
    host_uri: str
    domain_uuid: str
    number: int


Permit = Callable[[], bool]


def _always() -> bool:
    return True


class Viewer:
    """One browser at a device: what waits to be sent to it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._waiting: list[bytes] = []
        self._behind_bytes = 0
        self._arrived = asyncio.Event()
        self._ending: Ending | None = None

    @property
    def is_cut_off(self) -> bool:
        """True when too much waited for him."""
        return self._ending == TOO_SLOW

    def offer(self, data: bytes) -> None:
        """Put something in; too much of it ends the viewer."""
        if self._ending is not None:
            return
        self._behind_bytes += len(data)
        if self._behind_bytes > MAX_BEHIND_BYTES:
            self._waiting.clear()
            self.end(TOO_SLOW)
            return
        self._waiting.append(data)
        self._arrived.set()

    def end(self, ending: Ending) -> None:
        """Let the viewer go once he has taken what waits."""
        self._ending = self._ending or ending
        self._arrived.set()

    async def take(self) -> bytes | Ending:
        """Wait for something, and take all of it; at the end, why it is the end."""
        while not self._waiting and self._ending is None:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._waiting:
            return self._ending or FAILED
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data

    def taken(self, count: int) -> None:
        """Count what the browser has taken."""
        self._behind_bytes -= count

    async def write(self, data: bytes, may_write: Permit = _always) -> bool:
        """Type into the device; waits while it has no room. False when it is closed.

        What waits when `may_write` no longer says so is dropped.
        """
        return await self._line.write(data, may_write)

    def leave(self) -> None:
        """Look no more; the last one who leaves closes the device."""
        self._line.leave(self)


class Line:
    """One device while somebody looks at it. Lives on the loop; the port's thread calls in."""

    def __init__(self, port: SerialPort, forget: Callable[[Line], None]) -> None:
        self._port, self._forget = port, forget
        self._loop = asyncio.get_running_loop()
        self._ahead = threading.BoundedSemaphore(CHUNKS_AHEAD)
        self._viewers: set[Viewer] = set()
        self._scrollback = bytearray()
        self._has_room = asyncio.Event()
        self.is_closing = False
        self.closed = asyncio.Event()
        """Set once the device is free again."""
        port.listen(self)

    # Called by the port's thread

    def heard(self, data: bytes) -> None:
        """Hand on what the guest said; waits while the loop is busy."""
        self._ahead.acquire()
        self._call(lambda: self._spread(data))

    def has_room(self) -> None:
        """Wake those who wait to write."""
        self._call(self._has_room.set)

    def ended(self, error: HypervisorError | None) -> None:
        """End everybody's console."""
        self._call(lambda: self._finish(GUEST_ENDED if error is None else ending_of(error)))

    def _call(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the server has stopped
            self._port.close()

    # On the loop

    def join(self) -> Viewer:
        """Add somebody, who first gets what was said last."""
        viewer = Viewer(self)
        if self._scrollback:
            viewer.offer(bytes(self._scrollback))
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Remove somebody; close the device behind the last one."""
        self._viewers.discard(viewer)
        if not self._viewers and not self.is_closing:
            self.is_closing = True
            self._port.close()

    async def write(self, data: bytes, may_write: Permit = _always) -> bool:
        """Type into the device."""
        while not self.is_closing:
            if not may_write():
                return True
            self._has_room.clear()
            if self._port.write(data):
                return True
            await self._has_room.wait()
        return False

    def _spread(self, data: bytes) -> None:
        self._ahead.release()
        self._scrollback += data
        del self._scrollback[:-SCROLLBACK_BYTES]
        for viewer in self._viewers:
            viewer.offer(data)

    def _finish(self, ending: Ending) -> None:
        self.is_closing = True
        self._has_room.set()
        for viewer in self._viewers:
            viewer.end(ending)
        self.closed.set()
        self._forget(self)


class Exchange:
    """The devices that are open in this process; see `exchange` below."""

    def __init__(self) -> None:
        self._lines: dict[Device, Line] = {}
        self._opening: WeakValueDictionary[Device, asyncio.Lock] = WeakValueDictionary()

    @property
    def open_count(self) -> int:
        """How many devices are open."""
        return len(self._lines)

    async def join(self, device: Device) -> Viewer:
        """Look at a device, which is opened unless somebody looks already.

        Raises HypervisorError.
        """
        lock = self._opening.setdefault(device, asyncio.Lock())
        async with lock:
            line = self._lines.get(device)
            if line is not None and line.is_closing:
                await _outlive(line)
                line = None
            if line is None:
                line = await self._open(device)
            return line.join()

    async def _open(self, device: Device) -> Line:
        port = await threads.ask_host(open_port, device)
        line = Line(port, lambda _line: self._forget(device))
        self._lines[device] = line
        return line

    def _forget(self, device: Device) -> None:
        self._lines.pop(device, None)


async def _outlive(line: Line) -> None:
    """Wait until a device that is being closed is free again."""
    try:
        await asyncio.wait_for(line.closed.wait(), RELEASE_S)
    except TimeoutError:
        raise SerialBusy() from None


exchange = Exchange()


def open_port(device: Device) -> SerialPort:
    """Open a device on its host. Blocks; raises HypervisorError."""
    host = registry.host_connection(device.host_id, device.host_uri)
    return devices.open_serial(host, device.domain_uuid, device.number)


class SerialRelay:
    """Relays between a browser and a device, until one side ends."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        viewer: Viewer,
        *,
        has_control: bool = False,
        hear: Hearer | None = None,
    ) -> None:
        self._receive, self._send, self._viewer = receive, send, viewer
        self._has_control, self._hear = has_control, hear
        self._acted_s = time.monotonic()
        self.bytes_in = 0
        """From the browser."""
        self.bytes_out = 0
        """To the browser."""

    def stalled_s(self) -> float:
        """Return for ever when the browser was cut off; nobody is waited for."""
        return math.inf if self._viewer.is_cut_off else 0.0

    async def to_browser(self) -> Ending:
        """Pump what the device says."""
        while True:
            data = await self._viewer.take()
            if isinstance(data, Ending):
                return data
            try:
                await self._send({"type": "websocket.send", "bytes": data})
            except OSError:
                return BROWSER_GONE
            self._viewer.taken(len(data))
            self.bytes_out += len(data)

    async def to_guest(self) -> Ending:
        """Pump what the browser types, unless it only watches."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return BROWSER_GONE
            data = message.get("bytes")
            if data is None:
                ending = heard(message, self._hear)
                if ending is not None:
                    return ending
                continue
            if len(data) > MAX_MESSAGE_BYTES:
                return TOO_MUCH
            self.bytes_in += len(data)
            if not self._has_control or not data:
                continue
            self._acted_s = time.monotonic()
            if not await self._viewer.write(data, lambda: self._has_control):
                return GUEST_ENDED

    def idle_s(self) -> float:
        """Seconds since the browser last typed into the port."""
        return time.monotonic() - self._acted_s

    def greeting_s(self) -> float:
        """Return 0: a serial port knows no greeting."""
        return 0.0

    async def switch(self, *, has_control: bool) -> bool:
        """Let the browser type from now on, or only watch; say whether that is new."""
        if self._has_control == has_control:
            return False
        self._has_control, self._acted_s = has_control, time.monotonic()
        return True

    def close(self) -> None:
        """Leave the device."""
        self._viewer.leave()
