"""A cable between a browser and a site, which a test can pull out."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

CHUNK_BYTES = 1 << 16


class Cable:
    """Carries connections from a port of the loopback to another one while it is plugged in.

    Where it is not, whoever connects is turned away at once, as by a network that is gone.
    """

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._door.getsockname()[1]}"
        self.target = 0
        self._is_plugged = True
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def unplug(self) -> None:
        """Break every connection, and carry no more."""
        with self._lock:
            self._is_plugged = False
            ends, self._ends = self._ends, []
        for end in ends:
            _cut(end)

    def plug(self) -> None:
        """Carry again."""
        with self._lock:
            self._is_plugged = True

    def close(self) -> None:
        """Let go of the port."""
        self.unplug()
        _cut(self._door)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                self._join(self._door.accept()[0])

    def _join(self, browser: socket.socket) -> None:
        with self._lock:
            if not self._is_plugged:
                _cut(browser)
                return
            try:
                site = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                _cut(browser)
                return
            site.settimeout(None)
            self._ends += [browser, site]
        for source, sink in ((browser, site), (site, browser)):
            threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            sink.sendall(data)
    for end in (source, sink):
        _cut(end)


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextlib.contextmanager
def cable() -> Iterator[Cable]:
    """Lay a cable; it is gone afterwards."""
    laid = Cable()
    try:
        yield laid
    finally:
        laid.close()
