"""One serial device, many viewers: who hears what, who may type, and when the device is let go."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.streams.conftest import run
from vms.hypervisor.errors import HostAway, SerialBusy
from vms.streams import serial
from vms.streams.closing import BROWSER_GONE, GUEST_ENDED, HOST_AWAY, TOO_SLOW
from vms.streams.relay import NOT_BINARY
from vms.streams.serial import Device, Exchange, SerialRelay

DEVICE = Device("host", "qemu:///system", "uuid", 0)
OTHER = Device("host", "qemu:///system", "uuid", 1)


class Port:
    """The guest's end of a port, with the methods of the real one."""

    def __init__(self) -> None:
        self.typed = b""
        self.has_room = True
        self.is_closed = False
        self.may_end = threading.Event()
        self.may_end.set()

    def listen(self, listener) -> None:
        self.listener = listener

    def write(self, data: bytes) -> bool:
        if self.has_room:
            self.typed += data
        return self.has_room

    def close(self) -> None:
        self.is_closed = True
        threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        self.may_end.wait(10)
        self.listener.ended(None)

    async def says(self, data: bytes) -> None:
        await asyncio.to_thread(self.listener.heard, data)
        await asyncio.sleep(0)


@pytest.fixture
def ports(monkeypatch) -> list[Port]:
    made: list[Port] = []

    def open_port(_device) -> Port:
        made.append(Port())
        return made[-1]

    monkeypatch.setattr(serial, "open_port", open_port)
    return made


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def test_all_viewers_hear_the_guest_and_the_device_is_opened_once(ports) -> None:
    async def body() -> None:
        exchange = Exchange()
        first, second = await asyncio.gather(exchange.join(DEVICE), exchange.join(DEVICE))
        assert len(ports) == 1
        await ports[0].says(b"login: ")
        assert await first.take() == b"login: "
        assert await second.take() == b"login: "
        await exchange.join(OTHER)
        assert len(ports) == 2

    run(body)


def test_a_newcomer_gets_the_last_64_kib(ports) -> None:
    async def body() -> None:
        exchange = Exchange()
        first = await exchange.join(DEVICE)
        for number in range(20):
            await ports[0].says(bytes([number]) * 8192)
            await first.take()
        seen = await (await exchange.join(DEVICE)).take()
        assert seen == b"".join(bytes([number]) * 8192 for number in range(12, 20))

    run(body)


def test_the_device_is_let_go_when_the_last_viewer_leaves(ports) -> None:
    async def body() -> None:
        exchange = Exchange()
        first, second = await exchange.join(DEVICE), await exchange.join(DEVICE)
        first.leave()
        assert not ports[0].is_closed
        second.leave()
        assert ports[0].is_closed
        await until(lambda: exchange.open_count == 0)

    run(body)


def test_a_newcomer_waits_until_the_device_is_free_again(ports) -> None:
    async def body() -> None:
        exchange = Exchange()
        first = await exchange.join(DEVICE)
        ports[0].may_end.clear()
        first.leave()
        joining = asyncio.create_task(exchange.join(DEVICE))
        await asyncio.sleep(0.05)
        assert len(ports) == 1
        ports[0].may_end.set()
        await joining
        assert len(ports) == 2

    run(body)


def test_a_device_that_is_not_let_go_is_called_busy(ports, monkeypatch) -> None:
    monkeypatch.setattr(serial, "RELEASE_S", 0.1)

    async def body() -> None:
        exchange = Exchange()
        first = await exchange.join(DEVICE)
        ports[0].may_end.clear()
        first.leave()
        with pytest.raises(SerialBusy):
            await exchange.join(DEVICE)
        ports[0].may_end.set()

    run(body)


def test_a_slow_viewer_is_cut_off_and_costs_no_memory_and_nobody_else(ports) -> None:
    async def body() -> None:
        exchange = Exchange()
        slow, quick = await exchange.join(DEVICE), await exchange.join(DEVICE)
        heard = 0
        for _ in range(100):
            await ports[0].says(bytes(16384))
            data = await quick.take()
            heard += len(data)
            quick.taken(len(data))
        assert heard == 100 * 16384
        assert slow.is_cut_off
        assert not quick.is_cut_off
        assert sum(map(len, slow._waiting)) == 0
        assert await slow.take() == TOO_SLOW
        relay = SerialRelay(None, None, slow, has_control=True)
        assert relay.stalled_s() > 1e9

    run(body)


@pytest.mark.parametrize(
    ("error", "ending"), [(None, GUEST_ENDED), (HostAway(reason="x"), HOST_AWAY)]
)
def test_the_end_of_the_device_ends_all_after_what_it_said_last(ports, error, ending) -> None:
    async def body() -> None:
        exchange = Exchange()
        viewer = await exchange.join(DEVICE)
        await ports[0].says(b"bye")
        await asyncio.to_thread(ports[0].listener.ended, error)
        assert await viewer.take() == b"bye"
        assert await viewer.take() == ending
        assert exchange.open_count == 0
        assert not await viewer.write(b"hello?")
        viewer.leave()

    run(body)


class Talker:
    """A browser: what it sends, and what it got."""

    def __init__(self, *messages: dict) -> None:
        self.messages = list(messages)
        self.got = b""

    async def receive(self) -> dict:
        return self.messages.pop(0) if self.messages else {"type": "websocket.disconnect"}

    async def send(self, message: dict) -> None:
        self.got += message["bytes"]


def typed(data: bytes) -> dict:
    return {"type": "websocket.receive", "bytes": data}


def test_who_controls_types_and_who_watches_does_not(ports) -> None:
    async def body() -> None:
        exchange = Exchange()
        for has_control in (True, False):
            talker = Talker(typed(b"rm -rf /\r"))
            viewer = await exchange.join(DEVICE)
            relay = SerialRelay(talker.receive, talker.send, viewer, has_control=has_control)
            assert await relay.to_guest() == BROWSER_GONE
            assert relay.bytes_in == 9
        assert ports[0].typed == b"rm -rf /\r"

    run(body)


def test_text_and_endless_messages_end_the_console(ports) -> None:
    async def body() -> None:
        viewer = await Exchange().join(DEVICE)
        text = Talker({"type": "websocket.receive", "text": "hello", "bytes": None})
        relay = SerialRelay(text.receive, text.send, viewer, has_control=True)
        assert await relay.to_guest() == NOT_BINARY
        huge = Talker(typed(bytes(serial.MAX_MESSAGE_BYTES + 1)))
        relay = SerialRelay(huge.receive, huge.send, viewer, has_control=True)
        assert await relay.to_guest() == serial.TOO_MUCH
        assert ports[0].typed == b""

    run(body)


def test_a_guest_that_does_not_read_holds_the_typist_back(ports) -> None:
    async def body() -> None:
        viewer = await Exchange().join(DEVICE)
        ports[0].has_room = False
        writing = asyncio.create_task(viewer.write(b"x"))
        await asyncio.sleep(0.02)
        assert not writing.done()
        ports[0].has_room = True
        await asyncio.to_thread(ports[0].listener.has_room)
        assert await writing
        assert ports[0].typed == b"x"

    run(body)


def test_who_loses_control_while_the_port_is_full_types_nothing_any_more(ports) -> None:
    async def body() -> None:
        viewer = await Exchange().join(DEVICE)
        arriving: asyncio.Queue[dict] = asyncio.Queue()
        relay = SerialRelay(arriving.get, None, viewer, has_control=True)
        ports[0].has_room = False
        pump = asyncio.create_task(relay.to_guest())
        arriving.put_nowait(typed(b"rm -rf /"))
        await asyncio.sleep(0.02)
        assert await relay.switch(has_control=False)
        ports[0].has_room = True
        await asyncio.to_thread(ports[0].listener.has_room)
        arriving.put_nowait(typed(b"more"))
        while not arriving.empty():
            await asyncio.sleep(0.005)
        assert await relay.switch(has_control=True)
        arriving.put_nowait(typed(b"ls"))
        arriving.put_nowait({"type": "websocket.disconnect"})
        assert await pump == BROWSER_GONE
        assert ports[0].typed == b"ls"

    run(body)
