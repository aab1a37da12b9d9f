"""Where each message of an RFB client ends, and how long one may be at most."""

from __future__ import annotations

from typing import Final

from vms.rfb.handshake import ProtocolError

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

MAX_ENCODINGS: Final = 1024
MAX_FENCE_BYTES: Final = 64
MAX_CUT_BYTES: Final = 1 << 20
"""A longer text of the clipboard ends the console; QEMU takes no more either."""

_FIXED_BYTES: Final = {
    SET_PIXEL_FORMAT: 20,
    UPDATE_REQUEST: 10,
    KEY_EVENT: 8,
    POINTER_EVENT: 6,
    CONTINUOUS_UPDATES: 10,
    XVP: 4,
}
_HEAD_BYTES: Final = {SET_ENCODINGS: 4, CUT_TEXT: 8, FENCE: 9, SET_DESKTOP_SIZE: 8, QEMU: 2}


class MessageError(ProtocolError):
    """What a client sent is no message that we know, or is too long. `code`: unknown or length."""


def wanted_bytes(held: bytes | bytearray) -> int:
    """Return how many bytes of a message are needed to go on: its head, then all of it.

    `held` is its beginning, at least one byte, and no more than was asked for last; when what
    comes back is its own length, the message is whole. Raises MessageError.
    """
    kind = held[0]
    fixed = _FIXED_BYTES.get(kind)
    if fixed is not None:
        return fixed
    head = _HEAD_BYTES.get(kind)
    if head is None:
        raise MessageError("unknown")
    return head if len(held) < head else head + _body_bytes(held)


def _body_bytes(held: bytes | bytearray) -> int:
    """Return the length of what follows the head of a message of variable length."""
    match held[0]:
        case 2:  # SET_ENCODINGS
            return 4 * _at_most(MAX_ENCODINGS, int.from_bytes(held[2:4]))
        case 6:  # CUT_TEXT; a negative length marks the extended form, of that many bytes
            return _at_most(MAX_CUT_BYTES, abs(int.from_bytes(held[4:8], signed=True)))
        case 248:  # FENCE
            return _at_most(MAX_FENCE_BYTES, held[8])
        case 251:  # SET_DESKTOP_SIZE
            return 16 * held[6]
        case _:
            return _qemu_body_bytes(held)


def _qemu_body_bytes(held: bytes | bytearray) -> int:
    if held[1] == QEMU_KEY:
        return 10
    if held[1] != QEMU_AUDIO:
        raise MessageError("unknown")
    if len(held) < 4:
        return 2
    operation = int.from_bytes(held[2:4])
    if operation > QEMU_AUDIO_FORMAT:
        raise MessageError("unknown")
    return 8 if operation == QEMU_AUDIO_FORMAT else 2


def _at_most(limit: int, length: int) -> int:
    if length > limit:
        raise MessageError("length")
    return length
