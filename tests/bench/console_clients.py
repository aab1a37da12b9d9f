"""Many open consoles in one process: each asks for what changed ten times in a second.

usage: python -m tests.bench.console_clients SECONDS < tickets, a line of JSON each
Prints one line of JSON once all are connected and another at the end.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

PERIOD_S = 0.1
AT_ONCE = 10
REQUEST = struct.Struct(">BBHHHH")


class Screen:
    """One open console; counts what comes."""

    def __init__(self) -> None:
        self.frames = 0
        self.bytes = 0
        self.is_open = False

    async def run(self, ticket: dict[str, Any], gate: asyncio.Semaphore) -> None:
        """Look until cancelled."""
        async with gate:
            socket = await connect(
                ticket["url"],
                subprotocols=ticket["protocols"],
                compression=None,
                max_size=None,
                open_timeout=60,
            )
            width, height = await greet(socket)
        self.is_open = True
        asking = asyncio.create_task(ask(socket, width, height))
        try:
            async for message in socket:
                self.bytes += len(message)
                # An update that fits into one message begins with four zeros but for its count.
                self.frames += message[:2] == b"\0\0"
        finally:
            asking.cancel()


async def ask(socket: ClientConnection, width: int, height: int) -> None:
    """Ask for what changes, ten times in a second."""
    due_s = time.monotonic()
    await socket.send(REQUEST.pack(3, 0, 0, 0, width, height))
    while True:
        due_s += PERIOD_S
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        await socket.send(REQUEST.pack(3, 1, 0, 0, width, height))


async def greet(socket: ClientConnection) -> tuple[int, int]:
    """Speak RFB until pictures can be asked for; return the size of the screen."""
    said = b""

    async def take(count: int) -> bytes:
        nonlocal said
        while len(said) < count:
            said += bytes(await socket.recv())  # type: ignore[arg-type]  # binary
        piece, said = said[:count], said[count:]
        return piece

    await take(12)
    await socket.send(b"RFB 003.008\n")
    await take((await take(1))[0])
    await socket.send(b"\x01")
    await take(4)
    await socket.send(b"\x01")
    width, height = struct.unpack(">HH16x", await take(20))
    await take(int.from_bytes(await take(4)))
    await socket.send(struct.pack(">BxHi", 2, 1, 0))
    return width, height


async def look(tickets: list[dict[str, Any]], seconds: float) -> None:
    """Open all, let them settle, then count for some time."""
    gate = asyncio.Semaphore(AT_ONCE)
    screens = [Screen() for _ in tickets]
    tasks = [
        asyncio.create_task(screen.run(ticket, gate))
        for screen, ticket in zip(screens, tickets, strict=True)
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
