"""A web server on the loopback that does what a test says: lie, stall, redirect, truncate."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

DATA = os.urandom(1_500_007)
Serve = Callable[["Handler"], None]
Web = tuple[str, dict[str, Serve], list[tuple[str, str]]]
"""Its address, what it does for each path, and what was asked: path, and Range or "HEAD"."""


class Handler(BaseHTTPRequestHandler):
    """Does what the test says for each path, and notes what was asked."""

    routes: dict[str, Serve]
    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        is_head = self.command == "HEAD"
        self.asked.append((self.path, "HEAD" if is_head else self.headers.get("Range", "")))
        try:
            self.routes[self.path.partition("?")[0]](self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_args: Any) -> None:
        return

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def part(self, data: bytes = DATA, *, cut: int = 0, etag: str = '"1"') -> None:
        """Serve with ranges; `cut`: no more than so many bytes, then the connection breaks."""
        wanted = self.headers.get("Range", "")
        is_same = self.headers.get("If-Range", etag) == etag
        begin = int(wanted[6:].rstrip("-")) if wanted and is_same else 0
        rest = data[begin:]
        more = {"Content_Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"} if begin else {}
        self.start(206 if begin else 200, Content_Length=str(len(rest)), ETag=etag, **more)
        if self.command != "HEAD":
            self.wfile.write(rest[:cut] if cut else rest)
        self.close_connection = True


@pytest.fixture
def server(monkeypatch) -> Iterator[Web]:
    """A server on the loopback: its address, its routes, what was asked of it."""
    monkeypatch.setattr("vms.imaging.fetch.BACKOFF_S", 0.01)
    handler = type("Own", (Handler,), {"routes": {}, "asked": []})
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}", handler.routes, handler.asked
    made.shutdown()
    made.server_close()
    thread.join(5)
