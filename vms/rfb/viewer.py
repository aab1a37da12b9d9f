"""The client's half of RFB for one who only watches: what he may say passes, nothing else does.

Only whole messages are handed on, and each kind is named here: what is not named ends the console.
The bytes of a message that is dropped are counted, not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vms.rfb.handshake import ClientHandshake, ProtocolError

SET_PIXEL_FORMAT: Final = 0
SET_ENCODINGS: Final = 2
UPDATE_REQUEST: Final = 3
KEY_EVENT: Final = 4
POINTER_EVENT: Final = 5
CUT_TEXT: Final = 6
CONTINUOUS_UPDATES: Final = 150
FENCE: Final = 248
XVP: Final = 250
SET_DESKTOP_SIZE: Final = 251
QEMU: Final = 255

QEMU_KEY: Final = 0
QEMU_AUDIO: Final = 1
QEMU_AUDIO_FORMAT: Final = 2

PASSED_BYTES: Final = {SET_PIXEL_FORMAT: 20, UPDATE_REQUEST: 10, CONTINUOUS_UPDATES: 10}
"""Length of messages that pass and are always as long."""
DROPPED_BYTES: Final = {KEY_EVENT: 8, POINTER_EVENT: 6, XVP: 4}
"""Length of messages that are dropped and are always as long."""

MAX_ENCODINGS: Final = 1024
MAX_FENCE_BYTES: Final = 64
MAX_CUT_BYTES: Final = 1 << 20
"""A longer text of the clipboard ends the console: nobody types so much into a drop."""

_PICTURES = frozenset({0, 1, 2, 4, 5, 6, 7, 8, 15, 16, 17, 21, 22, 50, -260})
_ABOUT_THE_PICTURE = frozenset(
    {
        -223,  # desktop size: told of it, not asked for it
        -224,  # last rectangle
        -232,  # place of the pointer
        -239,  # shape of the pointer, as are the next three
        -240,
        -314,
        0x574D5664,
        -307,  # name of the desktop
        -312,  # fence
        -313,  # continuous updates
    }
)
_LEVELS = (range(-32, -22), range(-256, -246), range(-512, -411), range(-768, -762))
"""Quality, compression, fine quality and subsampling of JPEG."""


class MessageError(ProtocolError):
    """What a viewer sent is no message that we know, or is too long. `code`: unknown or length."""


def is_for_viewers(encoding: int) -> bool:
    """Say whether a viewer may ask for this encoding (a signed number).

    What lets a client act (clipboard, keys, sound, other sizes of the screen) is not among them.
    """
    if encoding in _PICTURES or encoding in _ABOUT_THE_PICTURE:
        return True
    return any(encoding in levels for levels in _LEVELS)


class ViewerFilter:
    """A filter of the bytes from a client who watches, however they are cut.

    It keeps one unfinished message of at most 4 KiB.
    """

    def __init__(self) -> None:
        self._handshake = ClientHandshake()
        self._held = bytearray()
        self._skip_bytes = 0
        self.dropped = 0
        """How many messages were dropped."""
        self._handlers: dict[int, Callable[[], bytes | None]] = {
            SET_ENCODINGS: self._encodings,
            CUT_TEXT: self._cut_text,
            FENCE: self._fence,
            SET_DESKTOP_SIZE: self._desktop_size,
            QEMU: self._qemu,
        }

    def feed(self, data: bytes) -> bytes:
        """Return what may go to the server. Raises ProtocolError; use it no more after that."""
        out = b""
        if not self._handshake.is_done:
            out, data = self._handshake.take(data)
        passed = [out]
        while data:
            data = self._skip(data)
            data, message = self._next(data)
            passed.append(message)
        return b"".join(passed)

    def _skip(self, data: bytes) -> bytes:
        """Leave out what is left of a message that is dropped."""
        gone = min(self._skip_bytes, len(data))
        self._skip_bytes -= gone
        return data[gone:]

    def _next(self, data: bytes) -> tuple[bytes, bytes]:
        """Go on with one message; return the rest of `data`, and the message if it passes."""
        while data:
            wanted = self._wanted()
            piece, data = data[: wanted - len(self._held)], data[wanted - len(self._held) :]
            self._held += piece
            if len(self._held) < wanted:
                break
            message = self._whole()
            if message is not None:
                self._held.clear()
                return data, message
        return data, b""

    def _wanted(self) -> int:
        """Return how many bytes of the message are needed to go on."""
        held = self._held
        if not held:
            return 1
        kind = held[0]
        if kind in PASSED_BYTES:
            return PASSED_BYTES[kind]
        if kind in DROPPED_BYTES:
            return DROPPED_BYTES[kind]
        return _wanted_of_variable(held)

    def _whole(self) -> bytes | None:
        """Return what passes of the message held, or None if it is not whole yet.

        Raises MessageError when it is of no known kind.
        """
        kind = self._held[0]
        if kind in PASSED_BYTES:
            return bytes(self._held) if len(self._held) == PASSED_BYTES[kind] else None
        if kind in DROPPED_BYTES:
            return self._drop(0) if len(self._held) == DROPPED_BYTES[kind] else None
        if kind not in self._handlers:
            raise MessageError("unknown")
        return self._handlers[kind]()

    def _drop(self, more_bytes: int) -> bytes:
        """Drop the message, of which so many bytes are still to come."""
        self.dropped += 1
        self._skip_bytes = more_bytes
        return b""

    def _encodings(self) -> bytes | None:
        held = self._held
        if len(held) < 4:
            return None
        count = int.from_bytes(held[2:4])
        if count > MAX_ENCODINGS:
            raise MessageError("length")
        if len(held) < 4 + 4 * count:
            return None
        wanted = (bytes(held[at : at + 4]) for at in range(4, len(held), 4))
        kept = [each for each in wanted if is_for_viewers(int.from_bytes(each, signed=True))]
        return bytes(held[:2]) + len(kept).to_bytes(2) + b"".join(kept)

    def _cut_text(self) -> bytes | None:
        """Drop the clipboard; a negative length marks the extended form (of that many bytes)."""
        if len(self._held) < 8:
            return None
        length = abs(int.from_bytes(self._held[4:8], signed=True))
        if length > MAX_CUT_BYTES:
            raise MessageError("length")
        return self._drop(length)

    def _fence(self) -> bytes | None:
        held = self._held
        if len(held) < 9:
            return None
        if held[8] > MAX_FENCE_BYTES:
            raise MessageError("length")
        return bytes(held) if len(held) == 9 + held[8] else None

    def _desktop_size(self) -> bytes | None:
        return self._drop(16 * self._held[6]) if len(self._held) == 8 else None

    def _qemu(self) -> bytes | None:
        held = self._held
        if len(held) < 2:
            return None
        if held[1] == QEMU_KEY:
            return self._drop(12 - len(held))
        if held[1] != QEMU_AUDIO:
            raise MessageError("unknown")
        if len(held) < 4:
            return None
        operation = int.from_bytes(held[2:4])
        if operation > QEMU_AUDIO_FORMAT:
            raise MessageError("unknown")
        return self._drop(6 if operation == QEMU_AUDIO_FORMAT else 0)


def _wanted_of_variable(held: bytearray) -> int:
    """Return the length of a message's head, or of the whole once its head is there."""
    kind, have = held[0], len(held)
    if kind == SET_ENCODINGS:
        return 4 if have < 4 else 4 + 4 * int.from_bytes(held[2:4])
    if kind == FENCE:
        return 9 if have < 9 else 9 + held[8]
    if kind == QEMU:
        return 2 if have < 2 else 4
    return 8 if kind in (CUT_TEXT, SET_DESKTOP_SIZE) else 1
