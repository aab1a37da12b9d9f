"""The client's half of RFB: what somebody may say who controls the guest, or who only watches.

Only whole messages are handed on, so that control can change hands between any two bytes that
arrive. Each kind of message is known; what is not ends the console.
"""

from __future__ import annotations

from collections.abc import Iterator

from vms.rfb.encodings import is_for_all, is_for_viewers
from vms.rfb.handshake import ClientHandshake
from vms.rfb.held import HeldKeys
from vms.rfb.messages import (
    CONTINUOUS_UPDATES,
    CUT_TEXT,
    FENCE,
    KEY_EVENT,
    POINTER_EVENT,
    QEMU,
    SET_ENCODINGS,
    SET_PIXEL_FORMAT,
    UPDATE_REQUEST,
    wanted_bytes,
)

_FOR_VIEWERS = frozenset({SET_PIXEL_FORMAT, UPDATE_REQUEST, CONTINUOUS_UPDATES, FENCE})
_FOR_ALL_BYTES = {SET_PIXEL_FORMAT: 20, UPDATE_REQUEST: 10, CONTINUOUS_UPDATES: 10}
"""Length of those that are always as long."""
_ACTS = frozenset({KEY_EVENT, POINTER_EVENT, QEMU})


class ClientFilter:
    """A filter of the bytes from a client, however they are cut.

    It keeps one unfinished message: of a viewer at most 4 KiB, of who has control at most 1 MiB
    (a text of the clipboard). Use it no more after it raised.
    """

    def __init__(self, *, has_control: bool) -> None:
        self._has_control = has_control
        self._handshake = ClientHandshake()
        self._unfinished = bytearray()
        self._skip_bytes = 0
        self._wishes = b""
        """The encodings that the client asked for last, as it said it."""
        self._down = HeldKeys()
        self.dropped = 0
        """How many messages were dropped."""
        self.acted = 0
        """How many keys and movements of the pointer were handed on."""

    @property
    def has_control(self) -> bool:
        """True when keys, pointer and clipboard reach the guest."""
        return self._has_control

    @property
    def has_greeted(self) -> bool:
        """True when the client's half of the handshake has passed."""
        return self._handshake.is_done

    def feed(self, data: bytes) -> bytes:
        """Return what may go to the server. Raises ProtocolError."""
        if self._is_one_message(data):
            return data
        out = b""
        if not self._handshake.is_done:
            out, data = self._handshake.take(data)
        return b"".join((out, *(self._judged(message) for message in self._messages(data))))

    def _is_one_message(self, data: bytes) -> bool:
        """See the usual case, which is most of all that viewers send, without taking it apart."""
        if self._unfinished or self._skip_bytes or not data or not self._handshake.is_done:
            return False
        return _FOR_ALL_BYTES.get(data[0]) == len(data)

    def switch(self, *, has_control: bool) -> bytes:
        """Give control or take it away; return what the server must be told at once.

        Who loses it lets go of every key and button, and the server learns anew which encodings
        the client has: of a viewer it knows only those that draw the picture.
        """
        if has_control == self._has_control:
            return b""
        self._has_control = has_control
        released = b"" if has_control else self._down.release()
        return released + (self._encodings(self._wishes) if self._wishes else b"")

    def _messages(self, data: bytes) -> Iterator[bytes]:
        """Cut the stream into whole messages; keep the last, unfinished one."""
        held = self._unfinished
        while data:
            if self._skip_bytes:
                gone = min(self._skip_bytes, len(data))
                self._skip_bytes -= gone
                data = data[gone:]
                continue
            wanted = wanted_bytes(held) if held else 1
            missing = wanted - len(held)
            held += data[:missing]
            data = data[missing:]
            if len(held) < wanted:
                return
            whole = wanted_bytes(held)
            if whole == wanted:
                yield bytes(held)
                held.clear()
            elif held[0] == CUT_TEXT and wanted > 1 and not self._has_control:
                self._drop(whole - wanted)
                held.clear()

    def _judged(self, message: bytes) -> bytes:
        """Return what passes of a whole message."""
        kind = message[0]
        if kind in _FOR_VIEWERS:
            return message
        if kind == SET_ENCODINGS:
            self._wishes = message
            return self._encodings(message)
        if not self._has_control or not self._down.note(message):
            return self._drop(0)
        if kind in _ACTS:
            self.acted += 1
        return message

    def _drop(self, more_bytes: int) -> bytes:
        """Drop a message, of which so many bytes are still to come."""
        self.dropped += 1
        self._skip_bytes = more_bytes
        return b""

    def _encodings(self, message: bytes) -> bytes:
        """Leave out the encodings that the client may not have now."""
        may_have = is_for_all if self._has_control else is_for_viewers
        wanted = (message[at : at + 4] for at in range(4, len(message), 4))
        kept = [each for each in wanted if may_have(int.from_bytes(each, signed=True))]
        return message[:2] + len(kept).to_bytes(2) + b"".join(kept)
