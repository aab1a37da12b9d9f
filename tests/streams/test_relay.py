"""The two pumps on real sockets."""

from __future__ import annotations

import asyncio
import socket

import pytest

from vms.streams.closing import BROWSER_GONE, GUEST_ENDED
from vms.streams.relay import NOT_BINARY, NOT_RFB, Relay

HELLO = b"RFB 003.008\n\x01"


class FakeBrowser:
    """The browser's end of a websocket: what it says, and how fast it takes what comes."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[dict] = asyncio.Queue()
        self.got = bytearray()
        self.may_take = asyncio.Event()
        self.may_take.set()
        self.is_gone = False

    async def send(self, message: dict) -> None:
        await self.may_take.wait()
        if self.is_gone:
            raise ConnectionResetError
        self.got += message["bytes"]

    def say(self, data: bytes) -> None:
        self.says.put_nowait({"type": "websocket.receive", "bytes": data})


def run(body, *, has_control: bool = True) -> None:
    """Run `body(relay, browser, guest)` on a pair of sockets."""

    async def main() -> None:
        browser = FakeBrowser()
        ours, guest = socket.socketpair()
        ours.setblocking(False)
        guest.setblocking(False)
        try:
            async with asyncio.timeout(20):
                relay = Relay(browser.says.get, browser.send, ours, has_control=has_control)
                await body(relay, browser, guest)
        finally:
            ours.close()
            guest.close()

    asyncio.run(main())


def test_bytes_of_the_display_arrive_as_they_were() -> None:
    picture = bytes(range(256)) * 20_000

    async def body(relay, browser, guest) -> None:
        pump = asyncio.create_task(relay.to_browser())
        await asyncio.get_running_loop().sock_sendall(guest, picture)
        guest.shutdown(socket.SHUT_WR)
        assert await pump == GUEST_ENDED
        assert browser.got == picture
        assert relay.bytes_out == len(picture)

    run(body)


def test_a_slow_browser_slows_the_display_and_fills_no_memory() -> None:
    async def body(relay, browser, guest) -> None:
        browser.may_take.clear()
        pump = asyncio.create_task(relay.to_browser())
        sent = 0
        stuck_since = None
        loop = asyncio.get_running_loop()
        while stuck_since is None or loop.time() < stuck_since + 0.3:
            try:
                sent += guest.send(bytes(65536))
                stuck_since = None
            except BlockingIOError:
                stuck_since = stuck_since or loop.time()
            await asyncio.sleep(0)
        # What is under way is one chunk of ours and what the kernel holds for the socket pair.
        assert sent < 1_000_000
        assert relay.bytes_out == 0
        assert relay.stalled_s() > 0.2
        browser.may_take.set()
        guest.shutdown(socket.SHUT_WR)
        await pump
        assert len(browser.got) == sent
        assert relay.stalled_s() == 0

    run(body)


@pytest.mark.parametrize("flag", [b"\x00", b"\x01", b"\xff"])
def test_every_client_shares_the_display(flag) -> None:
    async def body(relay, browser, guest) -> None:
        pump = asyncio.create_task(relay.to_guest())
        for byte in HELLO + flag:
            browser.say(bytes([byte]))
        browser.say(b"\x05\x01click"[:6])
        got = b""
        while len(got) < 20:
            got += await asyncio.get_running_loop().sock_recv(guest, 100)
        assert got == HELLO + b"\x01" + b"\x05\x01clic"
        browser.says.put_nowait({"type": "websocket.disconnect", "code": 1001})
        assert await pump == BROWSER_GONE

    run(body)


def test_a_viewer_who_ignores_the_page_is_not_heard() -> None:
    update, key, click = b"\x03" + bytes(9), b"\x04\x01" + bytes(6), b"\x05\x01" + bytes(4)

    async def body(relay, browser, guest) -> None:
        pump = asyncio.create_task(relay.to_guest())
        for byte in HELLO + b"\x00" + key + update + click * 50 + update:
            browser.say(bytes([byte]))
        got = b""
        while len(got) < 34:
            got += await asyncio.get_running_loop().sock_recv(guest, 1000)
        assert got == HELLO + b"\x01" + update * 2
        browser.say(b"\x06\0\0\0\x7f\xff\xff\xff")
        assert await pump == NOT_RFB
        with pytest.raises(BlockingIOError):
            guest.recv(1)

    run(body, has_control=False)


def test_a_text_message_ends_the_relay() -> None:
    async def body(relay, browser, guest) -> None:
        browser.says.put_nowait({"type": "websocket.receive", "text": "hello", "bytes": None})
        assert await relay.to_guest() == NOT_BINARY

    run(body)


def test_what_is_no_rfb_is_not_relayed() -> None:
    async def body(relay, browser, guest) -> None:
        browser.say(b"GET / HTTP/1.1\r\n")
        assert await relay.to_guest() == NOT_RFB
        with pytest.raises(BlockingIOError):
            guest.recv(1)

    run(body)


def test_a_display_that_closes_ends_both_directions() -> None:
    async def body(relay, browser, guest) -> None:
        guest.close()
        assert await relay.to_browser() == GUEST_ENDED
        browser.say(HELLO)
        browser.say(b"\x01" + (b"\x03" + bytes(9)) * 10)
        assert await relay.to_guest() == GUEST_ENDED

    run(body)


def test_a_browser_that_is_gone_ends_the_picture() -> None:
    async def body(relay, browser, guest) -> None:
        browser.is_gone = True
        guest.send(b"x")
        assert await relay.to_browser() == BROWSER_GONE

    run(body)


def test_control_given_and_taken_in_the_stream_reaches_the_guest_in_order() -> None:
    key, moved = b"\x04\x01" + bytes(5) + b"a", b"\x05\0" + bytes(4)

    async def body(relay, browser, guest) -> None:
        pump = asyncio.create_task(relay.to_guest())
        loop = asyncio.get_running_loop()
        browser.say(HELLO + b"\x01" + key)
        assert await loop.sock_recv(guest, 100) == HELLO + b"\x01" + key
        assert await relay.switch(has_control=False)
        assert not await relay.switch(has_control=False)
        assert await loop.sock_recv(guest, 100) == b"\x04\0" + key[2:]
        browser.say(key + key)
        browser.say(b"\x03" + bytes(9))
        assert await loop.sock_recv(guest, 100) == b"\x03" + bytes(9)
        assert await relay.switch(has_control=True)
        browser.say(moved)
        assert await loop.sock_recv(guest, 100) == moved
        assert relay.idle_s() < 1
        pump.cancel()

    run(body)


def test_text_goes_to_who_hears_it_and_not_to_the_guest() -> None:
    async def body(relay, browser, guest) -> None:
        heard: list[str] = []

        def hear(text: str):
            heard.append(text)
            return BROWSER_GONE if text == "bye" else None

        relay = Relay(browser.says.get, browser.send, relay._upstream, hear=hear)
        for text in ("hello", "bye"):
            browser.says.put_nowait({"type": "websocket.receive", "text": text, "bytes": None})
        assert await relay.to_guest() == BROWSER_GONE
        assert heard == ["hello", "bye"]
        with pytest.raises(BlockingIOError):
            guest.recv(1)

    run(body)
