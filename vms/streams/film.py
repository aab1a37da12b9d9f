"""Records one device into one file: a screen through a display connection of its own, a serial port
beside those who look at it. Ends when told, at its limits, with the guest, or without room.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from vms import asciicast
from vms.asciicast import Script
from vms.hypervisor import consoles as displays
from vms.hypervisor import registry
from vms.rfb import recording
from vms.rfb.camera import Camera, Picture, size_message
from vms.rfb.handshake import ProtocolError
from vms.services import filming
from vms.services.filming import Plan
from vms.services.recording_files import NoRoom, Tape
from vms.streams import threads
from vms.streams.closing import Ending
from vms.streams.serial import Device, Viewer, exchange

log = structlog.get_logger(__name__)

CHUNK_BYTES = 256 * 1024
PACE_S = 0.1
"""At most ten pictures in a second."""
BYTES_PER_S = 2 << 20
"""Fewer where pictures are large: about so much is written in a second."""
KEY_S = 20.0
KEY_BYTES = 8 << 20
"""So often, or after so many bytes, a picture is taken from which a replay can begin."""
LOOK_S = 2.0
LAST_PICTURE_S = 2.0
PIECE_S = 0.05
"""What a serial port says meanwhile becomes one line."""


class Roll:
    """The file of one recording while it grows."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tape = Tape(plan.path)
        self._began_s = time.monotonic()
        self.last_ms = 0

    @property
    def now_ms(self) -> int:
        """Milliseconds since the begin."""
        return int((time.monotonic() - self._began_s) * 1000)

    @property
    def size_bytes(self) -> int:
        """What is written."""
        return self._tape.size_bytes

    async def put(self, piece: bytes, at_ms: int) -> None:
        """Write a piece. Raises NoRoom, OSError."""
        await threads.on_disk(self._tape.append, piece)
        self.last_ms = at_ms

    def limit(self) -> str:
        """Say which limit is reached, or ""."""
        if self._tape.size_bytes >= self._plan.max_bytes:
            return "limit-size"
        return "limit-time" if self.now_ms >= self._plan.max_ms else ""

    def close(self) -> None:
        """Close the file."""
        self._tape.close()


class Source(Protocol):
    """A device that is recorded."""

    async def run(self) -> str:
        """Record until it ends by itself; return why."""

    async def finish(self) -> None:
        """Record how it looks now, before the end."""

    def close(self) -> None:
        """Let the device go."""


class Screen:
    """A screen. Owns its connection to the display, which must be non-blocking."""

    def __init__(self, roll: Roll, upstream: socket.socket) -> None:
        self._roll, self._upstream = roll, upstream
        self._camera = Camera()
        self._is_key_due = True
        self._key_s = 0.0
        self._since_key_bytes = 0

    async def run(self) -> str:
        """Take a picture whenever something changes."""
        try:
            while not self._camera.is_ready:
                await self._read()
            await self._begin()
            while True:
                began_s = time.monotonic()
                written = await self._shoot(whole=self._is_key_due)
                pause_s = max(PACE_S, written / BYTES_PER_S) - (time.monotonic() - began_s)
                await asyncio.sleep(max(0.0, pause_s))
        except EOFError:
            return "guest-ended"
        except ProtocolError as error:
            log.warning("recording-not-rfb", code=error.code)
            return "failed"

    async def finish(self) -> None:
        """Take one more picture of everything, so that the recording ends with what was seen."""
        if self._camera.is_ready and self._roll.size_bytes:
            self._is_key_due = True
            async with asyncio.timeout(LAST_PICTURE_S):
                while self._is_key_due:
                    await self._shoot(whole=True)

    def close(self) -> None:
        """Let the display go."""
        self._upstream.close()

    async def _begin(self) -> None:
        head = recording.FileHead(self._camera.width, self._camera.height, int(time.time()))
        await self._roll.put(recording.pack_file_head(head), 0)

    async def _shoot(self, *, whole: bool) -> int:
        """Ask for a picture and write what comes; return its bytes."""
        self._camera.ask(whole=whole)
        written = 0
        pictures: list[Picture] = []
        while not pictures:
            pictures = await self._read()
        for picture in pictures:
            written += await self._write(picture)
        return written

    async def _read(self) -> list[Picture]:
        """Send what is due, and take what comes. Raises EOFError, ProtocolError."""
        loop = asyncio.get_running_loop()
        try:
            if out := self._camera.output():
                await loop.sock_sendall(self._upstream, out)
            data = await loop.sock_recv(self._upstream, CHUNK_BYTES)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        pictures = self._camera.feed(data)
        if out := self._camera.output():
            await loop.sock_sendall(self._upstream, out)
        return pictures

    async def _write(self, picture: Picture) -> int:
        now_s, at_ms = time.monotonic(), self._roll.now_ms
        kind, messages = recording.CHANGE, picture.message
        if picture.is_whole and self._is_key_due:
            size = size_message(self._camera.width, self._camera.height)
            kind, messages = recording.KEY, size + messages
            self._is_key_due, self._key_s, self._since_key_bytes = False, now_s, 0
        elif self._key_s == 0:
            return 0  # nothing yet that it could change
        piece = await threads.on_disk(recording.pack_picture, kind, at_ms, messages)
        await self._roll.put(piece, at_ms)
        if kind == recording.CHANGE:
            self._since_key_bytes += len(piece)
            is_old = now_s - self._key_s > KEY_S
            has_size = not picture.is_whole and len(picture.message) <= 16
            self._is_key_due = is_old or has_size or self._since_key_bytes > KEY_BYTES
        return len(piece)


class Terminal:
    """A serial port, shared with those who look at it."""

    def __init__(self, roll: Roll, viewer: Viewer, title: str) -> None:
        self._roll, self._viewer, self._title = roll, viewer, title
        self._script = Script()

    async def run(self) -> str:
        """Write a line for whatever it says."""
        await self._roll.put(asciicast.head(int(time.time()), self._title), 0)
        while True:
            data = await self._viewer.take()
            if isinstance(data, Ending):
                return data.reason
            self._viewer.taken(len(data))
            at_ms = self._roll.now_ms
            if line := self._script.line(at_ms, data):
                await self._roll.put(line, at_ms)
            await asyncio.sleep(PIECE_S)

    async def finish(self) -> None:
        """All that it said is there."""

    def close(self) -> None:
        """Leave the port."""
        self._viewer.leave()


async def open_source(roll: Roll, device: Device, kind: str, title: str) -> Source:
    """Open what is to be recorded. Raises HypervisorError."""
    if kind == "serial":
        return Terminal(roll, await exchange.join(device), title)
    return Screen(roll, await threads.ask_host(_open_display, device))


def _open_display(device: Device) -> socket.socket:
    host = registry.host_connection(device.host_id, device.host_uri)
    return displays.open_graphics(host, device.domain_uuid)


async def record(roll: Roll, source: Source, plan: Plan, stop: asyncio.Future[str]) -> str:
    """Record until the source ends, a limit is reached, the service says so, or `stop` has a
    reason; return the reason.
    """
    parts: list[Coroutine[Any, Any, str]] = [source.run(), _watch(roll, plan), _reason(stop)]
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        reason = next(task for task in tasks if task in done).result()
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        if reason not in {"guest-ended", "failed"}:
            await source.finish()
    except NoRoom:
        reason = "no-room"
    except TimeoutError:
        pass  # the last picture did not come
    except OSError as error:
        log.warning("recording-not-written", error=str(error))
        reason = "failed"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return reason


async def _reason(stop: asyncio.Future[str]) -> str:
    return await asyncio.shield(stop)


async def _watch(roll: Roll, plan: Plan) -> str:
    """Tell the service how far it is, and look whether it may go on."""
    while not (reason := roll.limit()):
        await asyncio.sleep(LOOK_S)
        reason = await threads.read(
            filming.go_on,
            recording_id=plan.recording_id,
            size_bytes=roll.size_bytes,
            duration_ms=roll.last_ms,
        )
        if reason:
            return reason
    return reason
