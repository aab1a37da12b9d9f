"""HTTP connections that must say what they want soon and briefly, and lend out their socket.

uvicorn waits for a request's head as long as its client likes, and keeps of it whatever comes: a
few thousand connections that send a byte a minute would keep every descriptor of the server.

A large body goes through parser, event loop and queues at half the speed at which a thread could
read it. Whoever serves a request may borrow the socket until the body has come (vms/lending.py).
"""

from __future__ import annotations

import asyncio
import os
import socket

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vms import lending
from vms.lending import Loan

HEAD_S = 15.0
MAX_HEAD_BYTES = 32 * 1024
_END = b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LATE = b"HTTP/1.1 408 Request Timeout" + _END
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _END
_PAST = memoryview(bytes(1 << 20))


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own, with a limit on the time and the size of a request's head."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _body_left = 0
    _is_lent = False

    def connection_made(
        self,
        transport: asyncio.Transport,  # type: ignore[override]  # as uvicorn has it
    ) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._had_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head; too much of it ends the connection."""
        if self._deadline is not None:
            self._head_bytes += len(data)
            # A body may stand in the same piece, so that only a head without an end is too large.
            is_open = b"\r\n\r\n" not in data
            if self._head_bytes > MAX_HEAD_BYTES and is_open:
                self._end(_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin to wait for the next head of the same connection."""
        if self._deadline is None:
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Have the head."""
        self._had_head()
        self._body_left = self._length()
        if self._body_left and self.scheme == "http":
            self.scope["extensions"] = lending.extension(self.lend)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a piece on as it came where none waits: uvicorn would copy it twice."""
        if self._is_lent:
            return
        self._body_left -= len(body)
        if self.cycle.body:
            super().on_body(body)
            return
        self.cycle.body = body  # type: ignore[assignment]  # whoever adds to it makes a new one
        super().on_body(b"")

    def lend(self) -> Loan | None:
        """Read no longer, and let somebody else do it; None where all has come, or nothing will."""
        if not self.cycle.more_body or self._body_left <= 0 or self.transport.is_closing():
            return None
        self.flow.pause_reading()
        came, self.cycle.body = bytes(self.cycle.body), bytearray()
        self._is_lent = True
        own = self.transport.get_extra_info("socket")
        lent = socket.socket(fileno=os.dup(own.fileno()))
        return Loan(came, self._body_left, lent, self._take_back)

    async def _take_back(self, past: int) -> None:
        """Tell the parser of so many bytes that went past it; then all goes on as ever."""
        if self.parser is not None and past == self._body_left:
            # It would have to see every byte to know that the next one begins another request.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.on_message_complete()
            past = 0
        while past > 0 and self.parser is not None:
            size = min(past, len(_PAST))
            self.parser.feed_data(_PAST[:size])
            past -= size
            await asyncio.sleep(0)
        self._is_lent = False

    def _length(self) -> int:
        """Return how long the body will be; 0 where it does not say so in advance."""
        lengths = [value for name, value in self.headers if name == b"content-length"]
        is_chunked = any(name == b"transfer-encoding" for name, _value in self.headers)
        return 0 if is_chunked or len(lengths) != 1 else int(lengths[0])

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(HEAD_S, self._end, _TOO_LATE)

    def _had_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, answer: bytes) -> None:
        self._had_head()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
