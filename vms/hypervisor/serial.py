"""A guest's serial device as a stream of bytes both ways, on a connection and a thread of its own.

Only that thread calls libvirt on the connection: before 10.4 two that wait for answers on one may
crash the process (CVE-2024-4418). libvirt's event thread does no more than wake it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import libvirt

from .errors import HostAway, HypervisorError
from .translate import translate

_log = logging.getLogger(__name__)

READ_BYTES = 16 * 1024
WRITE_BYTES = 1024
"""Sent in one go: between two of them what the guest says is read."""
NOTHING_YET = -2
CHECK_S = 5.0
"""How often a port that is silent looks whether its connection is alive."""
MAX_UNSENT_BYTES = 64 * 1024


class Listener(Protocol):
    """Who hears a serial port. Called from its thread; must not raise."""

    def heard(self, data: bytes) -> None:
        """Take what the guest said; the port reads no further until this returns."""

    def has_room(self) -> None:
        """Know that what was written has gone."""

    def ended(self, error: HypervisorError | None) -> None:
        """Know that the port is closed; None: the guest ended it, or we did."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What libvirt opened for us."""

    conn: libvirt.virConnect
    stream: libvirt.virStream


class SerialPort:
    """An open serial device. Nobody else can have it meanwhile. All methods are thread-safe."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._is_closed = False
        self._has_thread = False

    def listen(self, listener: Listener) -> None:
        """Start handing what the guest says to `listener`. To be called once."""
        self._has_thread = True
        self._wake.set()
        run = partial(self._run, listener)
        threading.Thread(target=run, name="libvirt-serial", daemon=True).start()

    def write(self, data: bytes) -> bool:
        """Send to the guest soon. False: nothing was taken, wait for `has_room`.

        At most 64 KiB wait here, or one `data` that is larger.
        """
        with self._lock:
            if self._unsent_bytes and self._unsent_bytes + len(data) > MAX_UNSENT_BYTES:
                return False
            for at in range(0, len(data), WRITE_BYTES):
                self._unsent.append(data[at : at + WRITE_BYTES])
            self._unsent_bytes += len(data)
        self._wake.set()
        return True

    def close(self) -> None:
        """Let the device go. Never blocks; `ended` says when it is free again."""
        self._is_closed = True
        self._wake.set()
        if not self._has_thread:
            threading.Thread(target=self._release, name="libvirt-close", daemon=True).start()

    def _run(self, listener: Listener) -> None:
        error: HypervisorError | None = None
        try:
            self._opened.stream.eventAddCallback(
                libvirt.VIR_STREAM_EVENT_READABLE, _wake_up, self._wake
            )
            while not self._is_closed and self._turn(listener):
                pass
        except libvirt.libvirtError as caught:
            lost = HostAway(reason=str(caught))
            error = translate(caught) if self._opened.conn.isAlive() else lost
        except HostAway as caught:
            error = caught
        finally:
            self._release()
            listener.ended(error)

    def _turn(self, listener: Listener) -> bool:
        """Wait for something to do and do it. False when the guest has closed its side."""
        if not self._wake.wait(CHECK_S) and not self._opened.conn.isAlive():
            raise HostAway(reason="connection lost")
        self._wake.clear()
        stream = self._opened.stream
        while not self._is_closed:
            data = stream.recv(READ_BYTES)
            if data == NOTHING_YET:
                if not self._send_one(listener):
                    break
                continue
            if not data:
                return False
            listener.heard(data)
        stream.eventUpdateCallback(libvirt.VIR_STREAM_EVENT_READABLE)
        return True

    def _send_one(self, listener: Listener) -> bool:
        """Send one piece, if there is one."""
        with self._lock:
            if not self._unsent:
                return False
            piece = self._unsent.popleft()
        # This waits while libvirtd takes nothing more because the guest does not read. Keepalive
        # gives the connection up in the end, since libvirtd does not hear its questions either.
        while piece:
            sent = self._opened.stream.send(piece)
            with self._lock:
                self._unsent_bytes -= sent
            piece = piece[sent:]
        listener.has_room()
        return True

    def _release(self) -> None:
        """Give stream and connection back to libvirt, whatever state they are in."""
        opened = self._opened
        stream = opened.stream
        for action in (
            stream.eventRemoveCallback,
            stream.abort,
            partial(_empty, stream),
            opened.conn.close,
        ):
            try:
                action()
            except libvirt.libvirtError as error:
                _log.debug("closing a serial port: %s", error)


def _empty(stream: libvirt.virStream) -> None:
    """Free what the Python object stands for and holds.

    libvirt's remote driver never lets go of what was registered with eventAddCallback, and that
    names the stream, and through it the connection: each console would keep one for ever.
    """
    stream.__del__()
    stream._conn = None


def _wake_up(stream: libvirt.virStream, _events: int, wake: threading.Event) -> None:
    """Run in libvirt's event thread: look away until the port has read all there is."""
    try:
        stream.eventUpdateCallback(0)
    except libvirt.libvirtError as error:
        _log.debug("serial port: %s", error)
    wake.set()
