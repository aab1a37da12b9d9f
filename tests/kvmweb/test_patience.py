"""Clients that take for ever to say what they want, or say too much: named after the attacks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tests.support.site import free_port, wait_until
from vms import lending
from vms.management import patience


async def _hello(scope, receive, send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.sleep(0)
        await send({"type": "websocket.close", "code": 1000})
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hi"})


@contextlib.contextmanager
def serving(application: Any) -> Iterator[int]:
    """Serve it on a port, with connections as kvmweb has them."""
    number = free_port()
    config = uvicorn.Config(
        application,
        port=number,
        http=patience.PatientProtocol,
        ws="websockets-sansio",
        log_config=None,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, limit_s=10)
    yield number
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def port(monkeypatch) -> Iterator[int]:
    """A server that waits 0.4 s for a head."""
    monkeypatch.setattr(patience, "HEAD_S", 0.4)
    with serving(_hello) as number:
        yield number


def talk(port: int, *pieces: bytes, pause_s: float = 0.0) -> tuple[bytes, float]:
    """Say the pieces; return what came till the end, and after how many seconds that was."""

    async def main() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = asyncio.create_task(reader.read(-1))
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                if answer.done():
                    break
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
        try:
            return await asyncio.wait_for(answer, 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    began = time.monotonic()
    return asyncio.run(main()), time.monotonic() - began


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_slow_loris_is_shown_the_door(port):
    answer, seconds = talk(port, *[HEAD[at : at + 1] for at in range(len(HEAD))], pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 408")
    assert seconds < 2


def test_one_who_says_nothing_is_shown_the_door(port):
    answer, seconds = talk(port)
    assert answer.startswith(b"HTTP/1.1 408")
    assert seconds < 2


def test_slow_loris_in_the_second_request_of_a_connection(port):
    first = HEAD.replace(b"Connection: close\r\n", b"")
    answer, seconds = talk(port, first, *[bytes([byte]) for byte in HEAD[:-2]], pause_s=0.05)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer
    assert seconds < 3


@pytest.mark.parametrize("name", ["X-Padding", "Sec-WebSocket-Protocol", "Cookie"])
def test_oversized_handshake(port, name):
    start = (
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    )
    answer, seconds = talk(port, start, name.encode() + b": ", *[b"x" * 8192] * 8)
    # Closed with so much unread, the connection may be reset before the answer is read.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
    assert seconds < 0.4, "it is ended for its size, not for its time"


def test_a_usual_request_and_a_slow_body_are_served(port):
    assert talk(port, HEAD)[0].endswith(b"hi")
    post = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n"
    answer, _seconds = talk(port, post, *[b"x" * 6000] * 10, pause_s=0.06)
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_body_arrives_whole_however_its_pieces_come(monkeypatch):
    """What waits for the application is handed on without a copy, and added to correctly."""
    got: list[bytes] = []

    async def slow(scope, receive, send) -> None:
        while True:
            message = await receive()
            got.append(message.get("body", b""))
            for _turn in range(20):  # pieces come together meanwhile
                await asyncio.sleep(0)
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    with serving(slow) as number:
        data = bytes(range(256)) * 16_384
        head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += f"Content-Length: {len(data)}\r\n\r\n"
        sizes = (1, 3, 50_000, 10, 70_000, 200_000)
        pieces, at = [head.encode()], 0
        while at < len(data):
            size = sizes[len(pieces) % len(sizes)]
            pieces.append(data[at : at + size])
            at += size
        answer, _took_s = talk(number, *pieces)
    assert answer.startswith(b"HTTP/1.1 204")
    assert b"".join(got) == data


def _borrowing(share: float) -> Any:
    """An application that reads that share of a body from the socket itself, and says how much."""

    async def application(scope, receive, send) -> None:
        await receive()
        said = b"nothing"
        if loan := lending.borrow_of(scope)():
            read = await asyncio.get_running_loop().run_in_executor(None, _read, loan, share)
            said = b"%d of %d" % (read, loan.left)
            await loan.give_back(read)
        headers = [(b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    return application


def _read(loan: lending.Loan, share: float) -> int:
    loan.socket.settimeout(5)
    wanted, read = int(loan.left * share), 0
    while read < wanted:
        read += len(loan.socket.recv(min(1 << 16, wanted - read)))
    return read


def _post(size: int, *, is_chunked: bool = False) -> tuple[bytes, bytes]:
    length = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % size
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n"
    body = b"GET /forged HTTP/1.1\r\n\r\n" * (size // 24)
    return head, (b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if is_chunked else body)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.0])
def test_a_connection_whose_socket_was_lent_goes_on_with_the_next_request(share):
    """However much of the body went past the parser, no byte of it is taken for a request."""
    with serving(_borrowing(share)) as number:
        answer, _seconds = talk(number, *_post(4_800_000), HEAD)
    first, second = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    read, left = (int(word) for word in first.split(b"\r\n\r\n")[1].split(b" of "))
    assert left > 0
    assert read == int(left * share)
    assert second.endswith(b"nothing")


def test_no_socket_is_lent_where_the_length_is_not_said_in_advance():
    with serving(_borrowing(1.0)) as number:
        answer, _seconds = talk(number, *_post(2400, is_chunked=True), HEAD)
    assert answer.count(b"nothing") == 2
