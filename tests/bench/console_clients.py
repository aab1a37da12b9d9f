"""Many open consoles in one process: each asks for what changed ten times in a second.

usage: python -m tests.bench.console_clients SECONDS < consoles, a line of JSON each
A console is a ticket of the site, or {"domain": UUID} for the display itself, by libvirt's socket.
Prints one line of JSON once all are connected and another at the end.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, Protocol

import libvirt
from websockets.asyncio.client import connect

PERIOD_S = 0.1
AT_ONCE = 10
REQUEST = struct.Struct(">BBHHHH")


class Wire(Protocol):
    """What a console needs of its connection."""

    async def send(self, data: bytes, /) -> None: ...
    async def recv(self) -> Any: ...  # Any: websockets gives text, too
    def __aiter__(self) -> AsyncIterator[Any]: ...


class Direct:
    """A display without anything between."""

    def __init__(self, domain: libvirt.virDomain) -> None:
        flags = libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH
        self._socket = socket.socket(fileno=domain.openGraphicsFD(0, flags))
        self._socket.setblocking(False)

    async def send(self, data: bytes, /) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def recv(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.recv():
            yield data


async def reach(console: dict[str, Any]) -> Wire:
    """Connect to one console."""
    if "domain" in console:
        return Direct(libvirt.open("qemu:///system").lookupByUUIDString(console["domain"]))
    return await connect(
        console["url"],
        subprotocols=console["protocols"],
        compression=None,
        max_size=None,
        open_timeout=60,
    )


class Screen:
    """One open console; counts what comes."""

    def __init__(self) -> None:
        self.frames = 0
        self.bytes = 0
        self.is_open = False

    async def run(self, console: dict[str, Any], gate: asyncio.Semaphore) -> None:
        """Look until cancelled."""
        async with gate:
            wire = await reach(console)
            width, height = await greet(wire)
        self.is_open = True
        asking = asyncio.create_task(ask(wire, width, height))
        try:
            async for message in wire:
                self.bytes += len(message)
                # An update that fits into one message begins with four zeros but for its count.
                self.frames += message[:2] == b"\0\0"
        finally:
            asking.cancel()


async def ask(wire: Wire, width: int, height: int) -> None:
    """Ask for what changes, ten times in a second."""
    due_s = time.monotonic()
    await wire.send(REQUEST.pack(3, 0, 0, 0, width, height))
    while True:
        due_s += PERIOD_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        await wire.send(REQUEST.pack(3, 1, 0, 0, width, height))


async def greet(wire: Wire) -> tuple[int, int]:
    """Speak RFB until pictures can be asked for; return the size of the screen."""
    said = b""

    async def take(count: int) -> bytes:
        nonlocal said
        while len(said) < count:
            said += bytes(await wire.recv())
        piece, said = said[:count], said[count:]
        return piece

    await take(12)
    await wire.send(b"RFB 003.008\n")
    await take((await take(1))[0])
    await wire.send(b"\x01")
    await take(4)
    await wire.send(b"\x01")
    width, height = struct.unpack(">HH16x", await take(20))
    await take(int.from_bytes(await take(4)))
    await wire.send(struct.pack(">BxHi", 2, 1, 0))
    return width, height


async def look(consoles: list[dict[str, Any]], seconds: float) -> None:
    """Open all, let them settle, then count for some time."""
    gate = asyncio.Semaphore(AT_ONCE)
    screens = [Screen() for _ in consoles]
    tasks = [
        asyncio.create_task(screen.run(console, gate))
        for screen, console in zip(screens, consoles, strict=True)
    ]
    while not all(screen.is_open for screen in screens):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    for screen in screens:
        screen.frames = screen.bytes = 0
    print(json.dumps({"connected": len(screens)}), flush=True)
    began_s = time.monotonic()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - began_s
    summary = {
        "rates": [screen.frames / took_s for screen in screens],
        "bytes": sum(screen.bytes for screen in screens),
        "open": sum(not task.done() for task in tasks),
    }
    print(json.dumps(summary), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    lines = sys.stdin.read().splitlines()
    asyncio.run(look([json.loads(line) for line in lines], float(sys.argv[1])))
