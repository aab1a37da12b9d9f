"""A display that draws what a test says: the server's side of RFB on a socket, uncompressed."""

from __future__ import annotations

import asyncio
import socket
import struct

GREETING = b"RFB 003.008\n"


class Display:
    """A guest's display. `ours` is for whoever looks; `serve` plays the guest."""

    def __init__(self, width: int = 8, height: int = 4) -> None:
        self.width, self.height = width, height
        self.ours, self._theirs = socket.socketpair()
        for end in (self.ours, self._theirs):
            end.setblocking(False)
        self.colour = 1
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()

    def draw(self, colour: int) -> None:
        """Fill the screen."""
        self.colour = colour
        self._changed.set()

    def close(self) -> None:
        """Power off."""
        self._theirs.close()

    async def serve(self) -> None:
        """Answer until the other side leaves."""
        await self._send(GREETING + b"\x01\x01")
        await self._take(13)
        await self._send(bytes(4))
        await self._take(1)
        await self._send(struct.pack(">HH16xI", self.width, self.height, 1) + b"g")
        await self._take(20 + 12)
        drawing = asyncio.create_task(self._draw_changes())
        try:
            while True:
                is_incremental = (await self._take(10))[1]
                if is_incremental:
                    self._asked.set()
                else:
                    self._changed.clear()
                    await self._picture()
        finally:
            drawing.cancel()

    async def _draw_changes(self) -> None:
        """Answer those who asked for what changes."""
        while True:
            await self._changed.wait()
            await self._asked.wait()
            self._changed.clear()
            self._asked.clear()
            await self._picture()

    async def _picture(self) -> None:
        pixels = bytes([self.colour]) * (self.width * self.height * 4)
        head = struct.pack(">BxHHHHHi", 0, 1, 0, 0, self.width, self.height, 0)
        await self._send(head + pixels)

    async def _send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._theirs, data)

    async def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = await asyncio.get_running_loop().sock_recv(self._theirs, count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data
