"""What a viewer may say, and what changes with control: each test is named after what somebody
would try.
"""

from __future__ import annotations

import itertools
import os
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vms.rfb.client import ClientFilter
from vms.rfb.encodings import is_for_viewers
from vms.rfb.handshake import HandshakeError, ProtocolError
from vms.rfb.held import MAX_KEYS
from vms.rfb.messages import MAX_CUT_BYTES, MessageError, wanted_bytes

HELLO = b"RFB 003.008\n\x01\x00"
GREETED = b"RFB 003.008\n\x01\x01"
EXTENDED_CLIPBOARD = struct.unpack(">i", b"\xc0\xa1\xe5\xce")[0]
FORBIDDEN_ENCODINGS = [
    EXTENDED_CLIPBOARD,
    -258,  # QEMU extended key event
    -259,  # QEMU audio
    -261,  # QEMU LED state
    -308,  # extended desktop size
    -309,  # xvp
    -316,  # extended mouse buttons
    -305,  # gii
    0x574D5669,  # VMware: another pixel format at any time
]

pixel_format = b"\x00\x00\x00\x00" + bytes(range(16))
update = struct.pack(">BBHHHH", 3, 1, 0, 0, 640, 480)
continuous = struct.pack(">BBHHHH", 150, 1, 0, 0, 640, 480)
fence = b"\xf8\0\0\0\x80\0\0\x01\x03abc"
key = struct.pack(">BBHI", 4, 1, 0, 0x61)
pointer = struct.pack(">BBHH", 5, 1, 10, 10)
cut = struct.pack(">B3xi", 6, 5) + b"paste"
extended_cut = struct.pack(">B3xi", 6, -8) + b"\x10\0\0\x01ABCD"
extended_key = struct.pack(">BBHII", 255, 0, 1, 0x61, 30)
audio_on = struct.pack(">BBH", 255, 1, 0)
audio_format = struct.pack(">BBHBBI", 255, 1, 2, 3, 2, 44100)
desktop = struct.pack(">BxHHBx", 251, 10, 10, 2) + bytes(32)
xvp = b"\xfa\0\x01\x02"
PASSES = [pixel_format, update, continuous, fence]
DROPPED = [key, pointer, cut, extended_cut, extended_key, audio_on, audio_format, desktop, xvp]


def encodings(*numbers: int) -> bytes:
    return struct.pack(f">BxH{len(numbers)}i", 2, len(numbers), *numbers)


def after_greeting(sent: bytes) -> bytes:
    arrived = ClientFilter(has_control=False).feed(HELLO + sent)
    assert arrived.startswith(GREETED)
    return arrived.removeprefix(GREETED)


@pytest.mark.parametrize("message", PASSES)
def test_what_a_viewer_needs_passes_as_it_was(message: bytes) -> None:
    assert after_greeting(message * 3) == message * 3


@pytest.mark.parametrize("message", DROPPED)
def test_a_viewer_who_acts_is_not_heard(message: bytes) -> None:
    assert after_greeting(update + message + update) == update * 2


def test_a_viewer_who_hides_keys_in_a_dropped_message_is_not_heard() -> None:
    hidden = struct.pack(">B3xi", 6, len(key) * 4) + key * 4
    assert after_greeting(hidden + pixel_format) == pixel_format


def test_a_viewer_who_hides_keys_in_a_fence_sends_nothing_but_the_fence() -> None:
    hidden = b"\xf8\0\0\0\0\0\0\0" + bytes([len(key)]) + key
    assert after_greeting(hidden) == hidden  # to the server it is a fence too: eight bytes of it


@pytest.mark.parametrize("forbidden", FORBIDDEN_ENCODINGS)
def test_a_viewer_who_asks_for_clipboard_keys_or_sizes_gets_pictures_only(forbidden: int) -> None:
    assert not is_for_viewers(forbidden)
    assert after_greeting(encodings(7, forbidden, -26, forbidden)) == encodings(7, -26)


def test_a_browser_keeps_the_encodings_of_its_picture() -> None:
    ours = (1, 7, -260, 16, 21, 5, 2, 6, 0, -26, -254, -223, -224, -239, -307, -312, -313)
    assert after_greeting(encodings(*ours, 0x574D5664)) == encodings(*ours, 0x574D5664)


@pytest.mark.parametrize("length", [2**31 - 1, -(2**31), MAX_CUT_BYTES + 1, -MAX_CUT_BYTES - 1])
def test_a_clipboard_of_four_gigabytes_ends_the_console(length: int) -> None:
    with pytest.raises(MessageError, match="length"):
        after_greeting(struct.pack(">B3xi", 6, length))


def test_an_endless_list_of_encodings_ends_the_console() -> None:
    with pytest.raises(MessageError, match="length"):
        after_greeting(struct.pack(">BxH", 2, 65535))


def test_a_fence_longer_than_allowed_ends_the_console() -> None:
    with pytest.raises(MessageError, match="length"):
        after_greeting(b"\xf8\0\0\0\0\0\0\0\x41")


@pytest.mark.parametrize(
    "message", [b"\x01", b"\x07", b"\xfc", b"\xfd\x81", b"\xff\x02", b"\xff\x01\x00\x03"]
)
def test_a_message_of_an_unknown_kind_ends_the_console(message: bytes) -> None:
    with pytest.raises(MessageError, match="unknown"):
        after_greeting(update + message)


def test_a_viewer_who_wants_the_screen_alone_shares_it() -> None:
    assert ClientFilter(has_control=False).feed(HELLO) == GREETED


def test_a_viewer_who_speaks_no_rfb_is_refused() -> None:
    with pytest.raises(HandshakeError):
        ClientFilter(has_control=False).feed(b"GET / HTTP/1")


def test_a_dropped_message_is_counted_and_not_kept() -> None:
    viewer = ClientFilter(has_control=False)
    viewer.feed(HELLO + struct.pack(">B3xi", 6, MAX_CUT_BYTES))
    for _ in range(16):
        assert viewer.feed(bytes(MAX_CUT_BYTES // 16)) == b""
        assert len(viewer._unfinished) == 0
    assert viewer.dropped == 1
    assert viewer.feed(update) == update


def controller() -> ClientFilter:
    """Somebody who has control and has greeted."""
    client = ClientFilter(has_control=True)
    assert client.feed(HELLO) == GREETED
    return client


@pytest.mark.parametrize("message", [*PASSES, *DROPPED])
def test_what_somebody_in_control_says_passes_as_it_was(message: bytes) -> None:
    client = controller()
    assert client.feed(message * 3) == message * 3
    assert client.dropped == 0


def test_control_changes_hands_between_two_messages_of_one_stream() -> None:
    moved = struct.pack(">BBHH", 5, 0, 10, 10)
    client = controller()
    assert client.feed(moved) == moved
    assert client.switch(has_control=False) == b""
    assert client.feed(key + update + moved) == update
    assert client.switch(has_control=True) == b""
    assert client.feed(moved + update) == moved + update


def test_who_loses_control_lets_go_of_every_key_and_button() -> None:
    ctrl, alt = struct.pack(">BBHI", 4, 1, 0, 0xFFE3), struct.pack(">BBHI", 4, 1, 0, 0xFFE9)
    ctrl_up, alt_up = (b"\x04\0" + each[2:] for each in (ctrl, alt))
    drag = struct.pack(">BBHH", 5, 1, 20, 30)
    client = controller()
    client.feed(ctrl + extended_key + alt + drag + key + b"\x04\0" + key[2:])
    let_go = extended_key[:2] + bytes(2) + extended_key[4:]
    drop = struct.pack(">BBHH", 5, 0, 20, 30)
    assert client.switch(has_control=False) == alt_up + let_go + ctrl_up + drop
    assert client.switch(has_control=True) == b""
    assert client.switch(has_control=False) == b""


def test_half_a_key_from_before_the_loss_of_control_is_not_heard() -> None:
    client = controller()
    assert client.feed(key[:5]) == b""
    assert client.switch(has_control=False) == b""
    assert client.feed(key[5:] + update) == update


def test_a_clipboard_begun_with_control_and_ended_without_is_not_heard() -> None:
    client = controller()
    assert client.feed(cut[:-2]) == b""
    client.switch(has_control=False)
    assert client.feed(cut[-2:] + update + cut + update) == update * 2


def test_the_server_learns_anew_what_the_client_can_when_control_changes() -> None:
    wishes = encodings(7, -258, EXTENDED_CLIPBOARD, -308, -26)
    client = ClientFilter(has_control=False)
    assert client.feed(HELLO + wishes) == GREETED + encodings(7, -26)
    assert client.switch(has_control=True) == wishes
    assert client.switch(has_control=True) == b""
    assert client.switch(has_control=False) == encodings(7, -26)


def test_pointer_messages_of_seven_bytes_are_agreed_on_by_nobody() -> None:
    assert controller().feed(encodings(7, -316)) == encodings(7)


def test_somebody_who_holds_more_keys_than_there_are_presses_no_further_ones() -> None:
    client = controller()
    pressed = [struct.pack(">BBHI", 4, 1, 0, number) for number in range(200)]
    arrived = client.feed(b"".join(pressed))
    assert len(arrived) == 8 * MAX_KEYS
    assert len(client.switch(has_control=False)) == 8 * MAX_KEYS


@pytest.mark.parametrize("length", [2**31 - 1, -(2**31), MAX_CUT_BYTES + 1])
def test_four_gigabytes_of_clipboard_end_the_console_of_somebody_in_control_too(length) -> None:
    with pytest.raises(MessageError, match="length"):
        controller().feed(struct.pack(">B3xi", 6, length))


# However it is cut, and whatever it is. FUZZ=1 makes it last about a minute.
FUZZ = settings(
    max_examples=3_500 if os.environ.get("FUZZ") else 600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
cuts = st.lists(st.integers(0, 4000), max_size=20)


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(edge % (len(data) + 1) for edge in at), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def only_allowed(data: bytes) -> bool:
    """Read messages as a server does; say whether each is one that a viewer may send."""
    at = 0
    while at < len(data):
        kind = data[at]
        if kind in (0, 3, 150):
            at += {0: 20, 3: 10, 150: 10}[kind]
        elif kind == 2:
            (count,) = struct.unpack_from(">H", data, at + 2)
            wanted = struct.unpack_from(f">{count}i", data, at + 4)
            if set(wanted) & set(FORBIDDEN_ENCODINGS):
                return False
            at += 4 + 4 * count
        elif kind == 248:
            at += 9 + data[at + 8]
        else:
            return False
    return at == len(data)


passing = st.one_of(
    st.sampled_from(PASSES),
    st.binary(min_size=19, max_size=19).map(lambda rest: b"\0" + rest),
    st.binary(min_size=9, max_size=9).map(lambda rest: b"\x03" + rest),
    st.binary(max_size=64).map(lambda load: b"\xf8" + bytes(7) + bytes([len(load)]) + load),
)
dropping = st.one_of(
    st.sampled_from(DROPPED),
    st.binary(min_size=7, max_size=7).map(lambda rest: b"\x04" + rest),
    st.binary(min_size=5, max_size=5).map(lambda rest: b"\x05" + rest),
    st.binary(max_size=300).map(lambda text: struct.pack(">B3xi", 6, len(text)) + text),
    st.binary(max_size=300).map(lambda text: struct.pack(">B3xi", 6, -len(text)) + text),
    st.binary(min_size=10, max_size=10).map(lambda rest: b"\xff\0" + rest),
)


@FUZZ
@given(st.lists(st.tuples(st.booleans(), passing, dropping), max_size=25), cuts)
def test_the_same_passes_however_the_bytes_are_cut(turns: list, at: list[int]) -> None:
    said = [(allowed if is_ok else forbidden, is_ok) for is_ok, allowed, forbidden in turns]
    sent = HELLO + b"".join(message for message, _ in said)
    viewer = ClientFilter(has_control=False)
    arrived = b"".join(viewer.feed(piece) for piece in pieces(sent, at))
    assert arrived == GREETED + b"".join(message for message, is_ok in said if is_ok)
    assert only_allowed(arrived.removeprefix(GREETED))


@FUZZ
@given(st.lists(st.integers(-(2**31), 2**31 - 1) | st.sampled_from(FORBIDDEN_ENCODINGS)), cuts)
def test_no_forbidden_encoding_passes(wanted: list[int], at: list[int]) -> None:
    viewer = ClientFilter(has_control=False)
    arrived = b"".join(viewer.feed(piece) for piece in pieces(HELLO + encodings(*wanted), at))
    assert arrived == GREETED + encodings(*[each for each in wanted if is_for_viewers(each)])
    assert only_allowed(arrived.removeprefix(GREETED))


@FUZZ
@given(st.binary(max_size=4000), cuts, st.booleans())
def test_no_bytes_at_all_crash_it_or_get_through(data: bytes, at: list[int], greets: bool) -> None:
    viewer = ClientFilter(has_control=False)
    arrived = b""
    try:
        for piece in pieces((HELLO if greets else b"") + data, at):
            arrived += viewer.feed(piece)
            assert len(viewer._unfinished) <= 4 + 4 * 1024
    except ProtocolError:
        pass
    if arrived.startswith(GREETED):
        assert only_allowed(arrived.removeprefix(GREETED))


kinds = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 150, 248, 250, 251, 255])


@FUZZ
@given(st.lists(st.tuples(kinds, st.binary(max_size=40)), max_size=60), cuts)
def test_messages_of_every_kind_with_any_content_get_nothing_forbidden_through(
    parts: list, at: list[int]
) -> None:
    sent = b"".join(bytes([kind]) + rest for kind, rest in parts)
    viewer = ClientFilter(has_control=False)
    assert viewer.feed(HELLO) == GREETED
    arrived = b""
    try:
        for piece in pieces(sent, at):
            arrived += viewer.feed(piece)
    except ProtocolError:
        pass
    assert only_allowed(arrived)


def held_after(data: bytes, down: set[bytes]) -> set[bytes]:
    """Read messages as a server does; return the keys and buttons that are down at their end."""
    at = 0
    while at < len(data):
        length = wanted_bytes(data[at : at + 1])
        while wanted_bytes(data[at : at + length]) != length:
            length = wanted_bytes(data[at : at + length])
        message, at = data[at : at + length], at + length
        if message[0] == 4:
            (down.add if message[1] else down.discard)(message[4:8])
        elif message[:2] == b"\xff\0":
            (down.add if any(message[2:4]) else down.discard)(b"code" + message[8:12])
        elif message[0] == 5:
            (down.add if message[1] else down.discard)(b"buttons")
    assert at == len(data), "half a message was handed on"
    return down


keys = st.builds(
    lambda down, which: struct.pack(">BBHI", 4, down, 0, which),
    st.integers(0, 1),
    st.integers(0, 5),
)
codes = st.builds(
    lambda down, which: struct.pack(">BBHII", 255, 0, down, which, which),
    st.integers(0, 1),
    st.integers(0, 5),
)
clicks = st.builds(lambda mask: struct.pack(">BBHH", 5, mask, 1, 2), st.integers(0, 7))
steps = st.lists(
    st.one_of(
        st.booleans(),  # control is given or taken
        st.binary(max_size=30),  # and in between whatever bytes
        st.one_of(passing, dropping, keys, codes, clicks),
    ),
    max_size=40,
)


@FUZZ
@given(st.booleans(), steps, cuts)
def test_nothing_forbidden_passes_and_nothing_stays_down_however_control_changes(
    begins: bool, what: list, at: list[int]
) -> None:
    client = ClientFilter(has_control=begins)
    assert client.feed(HELLO) == GREETED
    down: set[bytes] = set()
    try:
        for step in what:
            if isinstance(step, bool):
                had = client.has_control
                told = client.switch(has_control=step)
                held_after(told, down)
                assert step or not down
                assert step or had or only_allowed(told)
                continue
            arrived = b"".join(client.feed(piece) for piece in pieces(step, at))
            assert client.has_control or only_allowed(arrived)
            held_after(arrived, down)
    except ProtocolError:
        pass
