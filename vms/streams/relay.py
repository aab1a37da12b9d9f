"""Bytes between a browser's websocket and a guest's display: two pumps with back-pressure."""

from __future__ import annotations

import asyncio
import socket

from vms.rfb.handshake import ClientHandshake, HandshakeError
from vms.streams.closing import BROWSER_GONE, GUEST_ENDED, Ending, Receive, Send

CHUNK_BYTES = 64 * 1024
YIELD_EVERY = 8
"""Chunks. Neither side suspends while data flows freely, and others want the loop too."""
NOT_BINARY = Ending(4500, "not-binary")
NOT_RFB = Ending(4500, "not-rfb")


class Relay:
    """Relays until one side ends. Owns the upstream socket, which must be non-blocking."""

    def __init__(self, receive: Receive, send: Send, upstream: socket.socket) -> None:
        self._receive, self._send, self._upstream = receive, send, upstream
        self._waits_since_s: float | None = None
        self.bytes_in = 0
        """From the browser."""
        self.bytes_out = 0
        """To the browser."""

    def stalled_s(self) -> float:
        """Seconds for which the browser has not taken what was sent."""
        if self._waits_since_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._waits_since_s

    async def to_browser(self) -> Ending:
        """Pump what the display sends; it reads no further than the browser takes."""
        loop = asyncio.get_running_loop()
        buffer = bytearray(CHUNK_BYTES)
        view = memoryview(buffer)
        chunks = 0
        while True:
            try:
                count = await loop.sock_recv_into(self._upstream, buffer)
            except OSError:
                return GUEST_ENDED
            if count == 0:
                return GUEST_ENDED
            self._waits_since_s = loop.time()
            try:
                await self._send({"type": "websocket.send", "bytes": bytes(view[:count])})
            except OSError:
                return BROWSER_GONE
            self._waits_since_s = None
            self.bytes_out += count
            chunks += 1
            if chunks % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    async def to_guest(self) -> Ending:
        """Pump what the browser sends, with its ClientInit made a sharing one."""
        loop = asyncio.get_running_loop()
        handshake = ClientHandshake()
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return BROWSER_GONE
            data = message.get("bytes")
            if data is None:
                return NOT_BINARY
            self.bytes_in += len(data)
            try:
                await loop.sock_sendall(self._upstream, handshake.feed(data))
            except HandshakeError:
                return NOT_RFB
            except OSError:
                return GUEST_ENDED
