"""A client that costs as little as possible, so that the relay in the middle is measured."""

from __future__ import annotations

import base64
import os
import socket
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

BUFFER_BYTES = 1 << 20
TIMEOUT_S = 30.0
FINAL_BINARY = 0x82
CONTROL = 0x08
MASK = b"\x00\x00\x00\x00"
"""A mask of zeros is a mask: the server must apply it, and we need not."""


class Wire(Protocol):
    """A way to an upstream: direct, or a websocket through a relay."""

    def send(self, data: bytes) -> None:
        """Send bytes, as one message where there are messages."""

    def take(self, count: int) -> bytes:
        """Read exactly so many bytes and return them."""

    def skip(self, count: int) -> None:
        """Read at least so many bytes and drop them."""

    def close(self) -> None:
        """Close."""


class DirectWire:
    """A unix socket with nothing in between."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(str(path))
        self._buffer = bytearray(BUFFER_BYTES)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def take(self, count: int) -> bytes:
        """Read exactly so many bytes and return them."""
        data = bytearray()
        while len(data) < count:
            data += receive(self._socket, count - len(data))
        return bytes(data)

    def skip(self, count: int) -> None:
        """Read so many bytes and drop them."""
        while count > 0:
            received = self._socket.recv_into(self._buffer)
            if not received:
                raise EOFError
            count -= received

    def close(self) -> None:
        """Close."""
        self._socket.close()


class WebsocketWire:
    """A websocket reduced to what a relay needs; small messages out, bytes of any framing in."""

    def __init__(self, url: str, protocols: tuple[str, ...] = ("binary",)) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 80), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._rest = b""
        """Received and not looked at yet."""
        self._left = 0
        """Payload of the present frame that is still to come."""
        self._is_data = True
        self._held = bytearray()
        """Payload that was received before it was asked for."""
        self._shake_hands(f"{parts.hostname}:{parts.port}", parts.path or "/", protocols)

    def send(self, data: bytes) -> None:
        """Send one message of at most 64 KiB."""
        size = len(data)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._socket.sendall(bytes([FINAL_BINARY]) + length + MASK + data)

    def take(self, count: int) -> bytes:
        """Read exactly so many bytes and return them."""
        while len(self._held) < count:
            received = receive(self._socket, BUFFER_BYTES)
            for part in self._payloads(memoryview(received)):
                self._held += part
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

    def skip(self, count: int) -> None:
        """Read so many bytes and drop them; what came beyond them is dropped too."""
        count -= len(self._held)
        self._held.clear()
        while count > 0:
            received = self._socket.recv_into(self._buffer)
            if not received:
                raise EOFError
            count -= sum(map(len, self._payloads(self._buffer[:received])))

    def close(self) -> None:
        """Hang up without a word, as a browser does that is killed."""
        self._socket.close()

    def _shake_hands(self, host: str, path: str, protocols: tuple[str, ...]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {', '.join(protocols)}\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += receive(self._socket, 4096)
        head, _end, rest = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            msg = f"refused: {head.splitlines()[0].decode()}"
            raise ConnectionError(msg)
        for part in self._payloads(memoryview(rest)):
            self._held += part

    def _payloads(self, data: memoryview) -> list[memoryview]:
        """Cut the headers out of what was received; pings are left out and not answered."""
        if self._rest:
            data, self._rest = memoryview(self._rest + bytes(data)), b""
        parts, at, size = [], 0, len(data)
        while at < size:
            if not self._left:
                start = self._read_header(data, at)
                if start is None:
                    self._rest = bytes(data[at:])
                    break
                at = start
            part = data[at : at + self._left]
            at += len(part)
            self._left -= len(part)
            if self._is_data:
                parts.append(part)
        return parts

    def _read_header(self, data: memoryview, at: int) -> int | None:
        """Read a frame's header at that place; return where its payload begins, None if cut off."""
        if len(data) < at + 2:
            return None
        self._is_data = not data[at] & CONTROL
        short = data[at + 1] & 0x7F
        more = {126: 2, 127: 8}.get(short, 0)
        start = at + 2 + more
        if len(data) < start:
            return None
        self._left = int.from_bytes(data[at + 2 : start], "big") if more else short
        return start


def receive(source: socket.socket, limit: int) -> bytes:
    """Receive something; raises EOFError at the end."""
    data = source.recv(limit)
    if not data:
        raise EOFError
    return data
