"""The client's half of the RFB handshake, rewritten so that nobody can throw others off a display.

A client whose ClientInit carries shared flag 0 makes QEMU disconnect every other client
(RFC 6143, 7.3.1).
"""

from __future__ import annotations

from enum import Enum

VERSION_BYTES = 12
SECURITY_NONE = 1
SHARED = b"\x01"

_SERVER_CHOOSES_SECURITY = frozenset({b"RFB 003.003\n", b"RFB 003.004\n", b"RFB 003.005\n"})
_CLIENT_CHOOSES_SECURITY = frozenset({b"RFB 003.007\n", b"RFB 003.008\n"})


class ProtocolError(Exception):
    """What a client sent is not relayed, and its console ends. `code` says what it was."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class HandshakeError(ProtocolError):
    """The client does not speak an RFB that we relay. `code`: version or security."""


class _Awaits(Enum):
    VERSION = "version"
    SECURITY = "security"
    INIT = "init"
    NOTHING = "nothing"


class ClientHandshake:
    """A filter of the bytes from a client, however they are cut; holds back 11 bytes at most.

    It knows RFB 3.3, 3.7 and 3.8 with security type None, which is all that a display opened with
    SKIPAUTH offers.
    """

    def __init__(self) -> None:
        self._awaits = _Awaits.VERSION
        self._held = b""

    @property
    def is_done(self) -> bool:
        """True when ClientInit has passed and bytes need no filter any more."""
        return self._awaits is _Awaits.NOTHING

    def feed(self, data: bytes) -> bytes:
        """Return what may go to the server. Raises HandshakeError."""
        if self._awaits is _Awaits.NOTHING:
            return data
        out, rest = self.take(data)
        return out + rest

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what of the handshake may go to the server, and what came after it.

        Raises HandshakeError.
        """
        out = b""
        while data and not self.is_done:
            passed, data = self._step(data)
            out += passed
        return out, data

    def _step(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what the present state awaits; return what passes and what is left."""
        if self._awaits is _Awaits.VERSION:
            return self._take_version(data)
        if self._awaits is _Awaits.SECURITY:
            if data[0] != SECURITY_NONE:
                raise HandshakeError("security")
            self._awaits = _Awaits.INIT
            return data[:1], data[1:]
        self._awaits = _Awaits.NOTHING
        return SHARED, data[1:]

    def _take_version(self, data: bytes) -> tuple[bytes, bytes]:
        missing = VERSION_BYTES - len(self._held)
        version, rest = self._held + data[:missing], data[missing:]
        if len(version) < VERSION_BYTES:
            self._held = version
            return b"", rest
        self._held = b""
        self._awaits = _after_version(version)
        return version, rest


def _after_version(version: bytes) -> _Awaits:
    if version in _CLIENT_CHOOSES_SECURITY:
        return _Awaits.SECURITY
    if version in _SERVER_CHOOSES_SECURITY:
        return _Awaits.INIT
    raise HandshakeError("version")
