"""A VNC client that only looks: asks for uncompressed pictures and hands them on as they came.

It chooses pixel format and encodings itself, so that what it sees depends on no viewer's choice.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from dataclasses import dataclass

from vms.rfb.handshake import SECURITY_NONE, SHARED, VERSION_BYTES, ProtocolError

VERSION = b"RFB 003.008\n"
RAW = 0
DESKTOP_SIZE = -223
PIXEL_BYTES = 4
PIXEL_FORMAT = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 0, 8, 16)
"""Red, green, blue and one byte of no meaning, in this order: what a canvas has, too."""
MAX_PIXELS = 3840 * 2400
MAX_TEXT_BYTES = 1 << 20
"""Of the guest's clipboard or the display's name."""

_SERVER_INIT = struct.Struct(">HH16xI")
_UPDATE = struct.Struct(">BxH")
_RECTANGLE = struct.Struct(">HHHHi")
_REQUEST = struct.Struct(">BBHHHH")


class CameraError(ProtocolError):
    """The display does not say what we can record. `code`: version, security, message, size or
    encoding.
    """


@dataclass(frozen=True, slots=True)
class Picture:
    """A FramebufferUpdate as it came. `is_whole`: it covers the screen, whatever was before."""

    message: bytes
    is_whole: bool


class Camera:
    """The client's side of RFB, without a socket: feed it, and send what `output` gives."""

    def __init__(self) -> None:
        self.width = 0
        self.height = 0
        self._out = bytearray()
        self._held = bytearray()
        self._pictures: list[Picture] = []
        self._reader = self._read()
        self._wanted = next(self._reader)

    @property
    def is_ready(self) -> bool:
        """True once the size is known and pictures can be asked for."""
        return self.width > 0

    def feed(self, data: bytes) -> list[Picture]:
        """Take what the display said; return the pictures that are complete now.

        Raises CameraError; feed it no more after that.
        """
        self._held += data
        while len(self._held) >= self._wanted:
            piece = bytes(self._held[: self._wanted])
            del self._held[: self._wanted]
            self._wanted = self._reader.send(piece)
        pictures, self._pictures = self._pictures, []
        return pictures

    def output(self) -> bytes:
        """Return what is to be sent now, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def ask(self, *, whole: bool) -> None:
        """Ask for one picture: of everything, or of what changes."""
        self._out += _REQUEST.pack(3, int(not whole), 0, 0, self.width, self.height)

    def _read(self) -> Generator[int, bytes, None]:
        """Yield how many bytes are wanted next, and get exactly those."""
        if not (yield VERSION_BYTES).startswith(b"RFB 003.00"):
            raise CameraError("version")
        self._out += VERSION
        kinds = yield (yield 1)[0]
        if SECURITY_NONE not in kinds:
            raise CameraError("security")
        self._out += bytes([SECURITY_NONE])
        if any((yield 4)):
            raise CameraError("security")
        self._out += SHARED
        self.width, self.height, name_bytes = _SERVER_INIT.unpack((yield _SERVER_INIT.size))
        self._check_size()
        yield _bounded(name_bytes)
        self._out += b"\0\0\0\0" + PIXEL_FORMAT + struct.pack(">BxH2i", 2, 2, RAW, DESKTOP_SIZE)
        while True:
            yield from self._message((yield 1)[0])

    def _message(self, kind: int) -> Generator[int, bytes, None]:
        if kind == 0:
            yield from self._update()
        elif kind == 1:  # colours, of formats that we do not use
            yield 6 * int.from_bytes((yield 5)[3:])
        elif kind == 3:
            yield _bounded(int.from_bytes((yield 7)[3:]))
        elif kind != 2:
            raise CameraError("message")

    def _update(self) -> Generator[int, bytes, None]:
        head = yield _UPDATE.size - 1
        parts, covered = [b"\0" + head], 0
        for _ in range(int.from_bytes(head[1:])):
            place = yield _RECTANGLE.size
            _x, _y, width, height, encoding = _RECTANGLE.unpack(place)
            parts.append(place)
            if encoding == DESKTOP_SIZE:
                self.width, self.height, covered = width, height, 0
                self._check_size()
                continue
            if encoding != RAW:
                raise CameraError("encoding")
            if width * height > self.width * self.height:
                raise CameraError("size")
            parts.append((yield width * height * PIXEL_BYTES))
            covered += width * height
        is_whole = covered >= self.width * self.height
        self._pictures.append(Picture(b"".join(parts), is_whole))

    def _check_size(self) -> None:
        if not 0 < self.width * self.height <= MAX_PIXELS:
            raise CameraError("size")


def size_message(width: int, height: int) -> bytes:
    """Return a FramebufferUpdate that says how large the screen is."""
    return _UPDATE.pack(0, 1) + _RECTANGLE.pack(0, 0, width, height, DESKTOP_SIZE)


def _bounded(count: int) -> int:
    if count > MAX_TEXT_BYTES:
        raise CameraError("size")
    return count
