"""A unix socket in front of libvirtd's that can be cut and put back, as if libvirtd had died."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path

LIBVIRTD = "/run/libvirt/libvirt-sock"


class Wire:
    """Relays every connection to libvirtd until it is cut. `uri` is what kvmweb is told."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kvmweb-wire-"))
        self._path = self._folder / "sock"
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self.uri = f"qemu+unix:///system?socket={self._path}"

    def connect(self) -> None:
        """Listen, and relay whoever comes."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Close the listener and every connection; the path is gone."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._path.unlink(missing_ok=True)
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def remove(self) -> None:
        """Cut, and leave nothing behind."""
        self.cut()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(LIBVIRTD)
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
