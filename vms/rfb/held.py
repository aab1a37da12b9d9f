"""What a client holds down: keys and buttons, so that they can be let go in its place."""

from __future__ import annotations

from typing import Final

from vms.rfb.messages import KEY_EVENT, POINTER_EVENT, QEMU, QEMU_KEY

MAX_KEYS: Final = 128
"""Keys held at once; no keyboard has more, and a further one is not handed on."""
_NO_BUTTON: Final = b"\x05\x00"


class HeldKeys:
    """Keys and buttons that are down, by the messages that let them go."""

    def __init__(self) -> None:
        self._keys: dict[bytes, bytes] = {}
        self._pointer = b""

    def note(self, message: bytes) -> bool:
        """Take a whole message into account; False when it must not be handed on."""
        kind = message[0]
        if kind == KEY_EVENT:
            return self._key(message[4:8], message[1], b"\x04\x00" + message[2:])
        if kind == QEMU and message[1] == QEMU_KEY:
            is_down = message[2] | message[3]
            return self._key(b"code" + message[8:12], is_down, message[:2] + bytes(2) + message[4:])
        if kind == POINTER_EVENT:
            self._pointer = _NO_BUTTON + message[2:] if message[1] else b""
        return True

    def release(self) -> bytes:
        """Return the messages that let everything go, the last key first, and forget them."""
        released = b"".join(reversed(self._keys.values())) + self._pointer
        self._keys.clear()
        self._pointer = b""
        return released

    def _key(self, name: bytes, is_down: int, let_go: bytes) -> bool:
        if not is_down:
            self._keys.pop(name, None)
        elif name in self._keys or len(self._keys) < MAX_KEYS:
            self._keys[name] = let_go
        else:
            return False
        return True
