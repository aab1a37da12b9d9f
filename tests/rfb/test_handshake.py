"""The shared flag, whatever a client sends and however it is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.rfb.handshake import ClientHandshake, HandshakeError


def clients(shared: bytes) -> list[bytes]:
    return [
        b"RFB 003.003\n" + shared,
        b"RFB 003.005\n" + shared,
        b"RFB 003.007\n\x01" + shared,
        b"RFB 003.008\n\x01" + shared,
    ]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % (len(data) + 1) for edge in at), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(
    which=st.integers(0, 3),
    flag=st.integers(0, 255),
    after=st.binary(max_size=80),
    at=st.lists(st.integers(0, 200), max_size=12),
)
def test_the_shared_flag_is_one_however_the_bytes_are_cut(
    which: int, flag: int, after: bytes, at: list[int]
) -> None:
    handshake = ClientHandshake()
    sent = clients(bytes([flag]))[which] + after
    arrived = b"".join(handshake.feed(piece) for piece in cut(sent, at))
    assert arrived == clients(b"\x01")[which] + after
    assert handshake.is_done


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_at_all_are_relayed_or_refused_but_never_grow(data: bytes, at: list[int]) -> None:
    handshake = ClientHandshake()
    try:
        out = b"".join(handshake.feed(piece) for piece in cut(data, at))
    except HandshakeError:
        return
    assert len(data) - 11 <= len(out) <= len(data)


@pytest.mark.parametrize(
    "version", [b"RFB 004.000\n", b"RFB 003.889\n", b"GET / HTTP/1", b"\0" * 12]
)
def test_another_protocol_is_refused(version: bytes) -> None:
    with pytest.raises(HandshakeError):
        ClientHandshake().feed(version)


@pytest.mark.parametrize("kind", [0, 2, 16, 19, 255])
def test_another_security_type_is_refused(kind: int) -> None:
    with pytest.raises(HandshakeError):
        ClientHandshake().feed(b"RFB 003.008\n" + bytes([kind]))


def test_nothing_is_forwarded_before_the_version_is_whole() -> None:
    handshake = ClientHandshake()
    assert handshake.feed(b"RFB 003.008") == b""
    assert handshake.feed(b"\n") == b"RFB 003.008\n"
    assert not handshake.is_done
