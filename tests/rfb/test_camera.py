"""The client that only looks: what it says, what it takes for a whole picture, what it refuses."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.rfb.camera import Camera, CameraError, size_message

GREETING = b"RFB 003.008\n" + b"\x01\x01" + bytes(4)
W, H = 4, 2


def init(width: int = W, height: int = H, name: bytes = b"guest") -> bytes:
    return struct.pack(">HH16xI", width, height, len(name)) + name


def update(*rectangles: tuple[int, int, int, int, int, bytes]) -> bytes:
    data = struct.pack(">BxH", 0, len(rectangles))
    for x, y, width, height, encoding, pixels in rectangles:
        data += struct.pack(">HHHHi", x, y, width, height, encoding) + pixels
    return data


def raw(x: int, y: int, width: int, height: int, value: int = 7):
    return x, y, width, height, 0, bytes([value]) * (width * height * 4)


def ready() -> Camera:
    camera = Camera()
    assert camera.feed(GREETING + init()) == []
    camera.output()
    return camera


def test_it_greets_and_asks_for_uncompressed_pictures_of_its_own_format() -> None:
    camera = Camera()
    camera.feed(GREETING + init())
    said = camera.output()
    assert said.startswith(b"RFB 003.008\n\x01\x01")
    assert said[14:34] == struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16)
    assert said[34:] == struct.pack(">BxH2i", 2, 2, 0, -223)
    assert camera.output() == b""
    camera.ask(whole=True)
    camera.ask(whole=False)
    assert camera.output() == struct.pack(">BBHHHH", 3, 0, 0, 0, W, H) + struct.pack(
        ">BBHHHH", 3, 1, 0, 0, W, H
    )


@given(st.lists(st.integers(1, 40)))
def test_pictures_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    whole, part = update(raw(0, 0, W, 1), raw(0, 1, W, 1)), update(raw(1, 1, 2, 1))
    between = (
        b"\x02" + struct.pack(">B3xI", 3, 3) + b"cut" + struct.pack(">BxHH", 1, 0, 1) + bytes(6)
    )
    data = GREETING + init() + whole + between + part
    camera, pictures = Camera(), []
    for cut in cuts:
        pictures += camera.feed(data[:cut])
        data = data[cut:]
    pictures += camera.feed(data)
    assert [(each.message, each.is_whole) for each in pictures] == [(whole, True), (part, False)]


def test_a_screen_that_changes_its_size_is_whole_only_with_what_comes_after() -> None:
    camera = ready()
    (picture,) = camera.feed(update((0, 0, 8, 8, -223, b"")))
    assert not picture.is_whole
    assert (camera.width, camera.height) == (8, 8)
    assert camera.feed(update(raw(0, 0, 8, 8)))[0].is_whole
    assert size_message(8, 8) == update((0, 0, 8, 8, -223, b""))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"HTTP/1.1 200", "version"),
        (b"RFB 003.008\n\x00", "security"),
        (b"RFB 003.008\n\x01\x02", "security"),
        (b"RFB 003.008\n\x01\x01\0\0\0\x01", "security"),
        (GREETING + init(65535, 65535), "size"),
        (GREETING + init(0, 5), "size"),
        (GREETING + struct.pack(">HH16xI", 4, 2, 0xFFFFFFFF), "size"),
        (GREETING + init() + b"\x09", "message"),
        (GREETING + init() + struct.pack(">B3xI", 3, 0xFFFFFFFF), "size"),
        (GREETING + init() + update((0, 0, 65535, 65535, 0, b"")), "size"),
        (GREETING + init() + update((0, 0, 1, 1, 7, b"")), "encoding"),
        (GREETING + init() + update((0, 0, 65535, 65535, -223, b"")), "size"),
    ],
)
def test_what_no_display_should_say_ends_it_before_memory_is_taken(data: bytes, code: str) -> None:
    with pytest.raises(CameraError) as caught:
        Camera().feed(data)
    assert caught.value.code == code
