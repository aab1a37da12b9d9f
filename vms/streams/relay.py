"""Bytes between a browser's websocket and a guest's display: two pumps with back-pressure."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from vms.rfb.client import ClientFilter
from vms.rfb.doors import NOT_BINARY, NOT_RFB
from vms.rfb.handshake import ProtocolError
from vms.streams.closing import BROWSER_GONE, GUEST_ENDED, Ending, Message, Receive, Send

CHUNK_BYTES = 256 * 1024
"""More than a unix socket holds, so that each turn takes all that is there."""


Hearer = Callable[[str], Ending | None]


def heard(message: Message, hear: Hearer | None) -> Ending | None:
    """Hand a text message to who hears it; an ending when nobody does."""
    text = message.get("text")
    return NOT_BINARY if hear is None or text is None else hear(text)


class Relay:
    """Relays until one side ends. Owns the upstream socket, which must be non-blocking.

    Of a browser that does not control the guest only what a viewer may say goes upstream. `hear`
    takes text messages, which are not for the guest; without it they end the relay.
    """

    def __init__(
        self,
        receive: Receive,
        send: Send,
        upstream: socket.socket,
        *,
        has_control: bool = False,
        hear: Hearer | None = None,
    ) -> None:
        self._receive, self._send, self._upstream = receive, send, upstream
        self._filter = ClientFilter(has_control=has_control)
        self._writing = asyncio.Lock()
        self._hear = hear
        self._waits_since_s: float | None = None
        self._began_s = self._acted_s = asyncio.get_running_loop().time()
        self.bytes_in = 0
        """From the browser."""
        self.bytes_out = 0
        """To the browser."""

    def stalled_s(self) -> float:
        """Seconds for which the browser has not taken what was sent."""
        if self._waits_since_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._waits_since_s

    def idle_s(self) -> float:
        """Seconds since the browser last used keys or pointer of the guest."""
        return asyncio.get_running_loop().time() - self._acted_s

    def greeting_s(self) -> float:
        """Seconds for which the browser has owed the end of RFB's handshake."""
        if self._filter.has_greeted:
            return 0.0
        return asyncio.get_running_loop().time() - self._began_s

    async def switch(self, *, has_control: bool) -> bool:
        """Let the browser use the guest from now on, or only watch it; say whether that is new."""
        async with self._writing:
            if self._filter.has_control == has_control:
                return False
            self._acted_s = asyncio.get_running_loop().time()
            told = self._filter.switch(has_control=has_control)
            with contextlib.suppress(OSError):  # to_guest notices
                await asyncio.get_running_loop().sock_sendall(self._upstream, told)
            return True

    def close(self) -> None:
        """Let the display go."""
        self._upstream.close()

    async def to_browser(self) -> Ending:
        """Pump what the display sends; it reads no further than the browser takes."""
        loop = asyncio.get_running_loop()
        inlet = _Inlet(loop, self._upstream)
        try:
            while data := await inlet.take():
                self._waits_since_s = loop.time()
                try:
                    await self._send({"type": "websocket.send", "bytes": data})
                except OSError:
                    return BROWSER_GONE
                self._waits_since_s = None
                self.bytes_out += len(data)
            return GUEST_ENDED
        finally:
            inlet.close()

    async def to_guest(self) -> Ending:
        """Pump what the browser may send, with its ClientInit made a sharing one."""
        loop = asyncio.get_running_loop()
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
            self.bytes_in += len(data)
            try:
                async with self._writing:
                    await loop.sock_sendall(self._upstream, self._passed(data, loop.time()))
            except ProtocolError:
                return NOT_RFB
            except OSError:
                return GUEST_ENDED

    def _passed(self, data: bytes, now_s: float) -> bytes:
        acted = self._filter.acted
        passed = self._filter.feed(data)
        if self._filter.acted != acted:
            self._acted_s = now_s
        return passed


class _Inlet:
    """Reads a socket one chunk ahead at most.

    It stays registered with the loop: `sock_recv` registers anew for every read, which costs a
    sixth of the round trip and a third of the throughput (script/bench relay).
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, source: socket.socket) -> None:
        self._loop, self._source = loop, source
        self._chunk: bytes | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._is_reading = False
        self._resume()

    async def take(self) -> bytes:
        """Return what has come, or wait for it; b"" when the socket has ended."""
        while self._chunk is None:
            self._resume()
            self._arrival = self._loop.create_future()
            await self._arrival
        chunk, self._chunk = self._chunk, None
        return chunk

    def close(self) -> None:
        """Stop reading; the socket stays open."""
        self._loop.remove_reader(self._source)
        self._is_reading = False

    def _resume(self) -> None:
        if not self._is_reading:
            self._loop.add_reader(self._source, self._read)
            self._is_reading = True

    def _read(self) -> None:
        if self._chunk is not None:
            self.close()  # nobody has taken the last one yet
            return
        try:
            self._chunk = self._source.recv(CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._chunk = b""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
