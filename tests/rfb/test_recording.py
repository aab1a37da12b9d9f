"""The container of recorded screens, by the bytes that docs/recordings.md promises."""

from __future__ import annotations

import struct
import zlib

from vms.rfb import recording


def test_a_file_begins_with_its_magic_and_a_description() -> None:
    head = recording.FileHead(720, 400, 1_700_000_000)
    data = recording.pack_file_head(head)
    assert data.startswith(b"KVMWRFB1")
    assert recording.unpack_file_head(data + b"more") == (head, len(data))
    assert recording.unpack_file_head(data[:-1]) is None
    assert recording.unpack_file_head(b"something else entirely") is None
    assert recording.unpack_file_head(b"KVMWRFB1\xff\xff\xff\xff") is None


def test_a_picture_is_kind_time_lengths_and_zlib() -> None:
    data = recording.pack_picture(recording.KEY, 1234, b"message" * 100)
    kind, at_ms, raw_bytes, packed_bytes = struct.unpack(">BIII", data[:13])
    assert (kind, at_ms, raw_bytes, packed_bytes) == (1, 1234, 700, len(data) - 13)
    assert zlib.decompress(data[13:]) == b"message" * 100
    assert recording.unpack_picture_head(data).at_ms == 1234
    assert recording.unpack_picture_head(data[:12]) is None
    assert recording.unpack_picture_head(b"\x07" + data[1:13]) is None
