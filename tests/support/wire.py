"""A wire to the real libvirtd that can fall silent or be cut, for tests of hosts that fail."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType

LIBVIRT_SOCKET = "/var/run/libvirt/libvirt-sock"


class Wire:
    """Forwards a unix socket to libvirtd's. `mute()` holds bytes back, `cut()` drops everybody."""

    def __init__(self, path: Path) -> None:
        self.uri = f"qemu+unix:///system?socket={path}"
        self._path = str(path)
        self._flows = threading.Event()
        self._flows.set()
        self._pairs: list[socket.socket] = []
        self._is_open = True
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen()
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def mute(self) -> None:
        self._flows.clear()

    def unmute(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Close every connection; new ones are taken."""
        pairs, self._pairs = self._pairs, []
        for end in pairs:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_open = False
        self._flows.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        Path(self._path).unlink(missing_ok=True)
        self.cut()

    def _accept(self) -> None:
        while self._is_open:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            far = socket.socket(socket.AF_UNIX)
            far.connect(LIBVIRT_SOCKET)
            self._pairs += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
