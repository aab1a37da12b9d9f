"""HTTP connections that must say what they want soon and briefly.

uvicorn waits for a request's head as long as its client likes, and keeps of it whatever comes: a
few thousand connections that send a byte a minute would keep every descriptor of the server.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 15.0
MAX_HEAD_BYTES = 32 * 1024
_END = b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LATE = b"HTTP/1.1 408 Request Timeout" + _END
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _END


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own, with a limit on the time and the size of a request's head."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

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
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand a piece on as it came where none waits: uvicorn would copy it twice."""
        if self.cycle.body:
            super().on_body(body)
            return
        self.cycle.body = body  # type: ignore[assignment]  # whoever adds to it makes a new one
        super().on_body(b"")

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
