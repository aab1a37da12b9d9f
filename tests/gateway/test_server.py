"""The gateway as a program: the site and the guest's display are the test's, all else is real."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.site import ROOT, free_port, wait_until

VM = str(uuid.uuid4())
HELLO = b"RFB 003.008\n\x01\x00"
KEY = b"\x04\x01\0\0\0\0\0a"
KEY_UP = b"\x04\x00\0\0\0\0\0a"
REQUEST = b"\x03\x00" + bytes(8)


class Site:
    """What a gateway asks, and what it is told."""

    def __init__(self) -> None:
        self.console = {"id": "c1", "domain_uuid": "d1", "has_control": True, "stalled_s": 5}
        self.orders = {"end": "", "has_control": True, "tell": ""}
        self.asked: list[tuple[str, dict]] = []
        self.status = 200
        handler = type("Answers", (_Answers,), {"site": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def said(self, path: str) -> list[dict]:
        """What was asked there."""
        return [body for asked, body in self.asked if asked.endswith(path)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Answers(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Authorization"] == "Bearer the credential"
        self.site.asked.append((self.path, body))
        is_first = self.path.endswith("/consoles")
        answer = self.site.console if is_first else self.site.orders
        data = json.dumps({} if self.path.endswith("/closed") else answer).encode()
        self.send_response(self.site.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


class Display:
    """The guest's end of whatever the gateway opens."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.ends: list[socket.socket] = []
        self.got = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _address = self._listener.accept()
                self.ends.append(end)
                end.sendall(b"RFB 003.008\n")
                threading.Thread(target=self._listen, args=(end,), daemon=True).start()

    def _listen(self, end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := end.recv(65536):
                self.got += data

    def heard(self, data: bytes) -> None:
        """Wait until the guest has got that."""
        wait_until(lambda: data in self.got, limit_s=8, what=f"{data!r} in {self.got!r}")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def display(tmp_path) -> Iterator[Display]:
    made = Display(tmp_path / "display")
    yield made
    made.close()


@pytest.fixture
def gateway(site, display, tmp_path) -> Iterator[str]:
    """The address of a gateway that runs."""
    credential = tmp_path / "credential"
    credential.write_text("the credential\n")
    port = free_port()
    command = [sys.executable, "-m", "tests.gateway.run", str(tmp_path / "display")]
    command += ["--site", site.url, "--credential", str(credential), "--port", str(port)]
    command += ["--origin", "https://vms.example.org"]
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        wait_until(listens, limit_s=20, what="gateway")
        yield f"ws://127.0.0.1:{port}/{VM}"
    finally:
        running.terminate()
        running.wait(10)


@contextlib.contextmanager
def opened(url: str, *, seats: bool = False, **more: object) -> Iterator[ClientConnection]:
    protocols = ["binary", *(["seats"] if seats else []), "ticket.abc"]
    with connect(url, subprotocols=protocols, max_size=None, **more) as client:
        client.send(HELLO)
        yield client


def ending(client: ClientConnection, limit_s: float = 6) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            client.recv(timeout=limit_s)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_console_from_its_ticket_to_its_end(gateway, site, display) -> None:
    with opened(gateway, origin="https://vms.example.org") as client:
        assert client.subprotocol == "binary"
        assert client.recv(timeout=5) == b"RFB 003.008\n"
        display.heard(HELLO[:-1] + b"\x01")  # sharing, whatever it said
        client.send(KEY)
        display.heard(KEY)
        display.ends[0].sendall(b"picture")
        assert client.recv(timeout=5) == b"picture"
    (redeemed,) = site.said("/consoles")
    assert redeemed == {
        "ticket": "abc",
        "vm_id": VM,
        "has_trusted_origin": True,
        "address": "127.0.0.1",
    }
    closed = wait_until(lambda: site.said("/closed"), limit_s=5)[0]
    assert closed == {"reason": "browser-gone", "bytes_in": 22, "bytes_out": 19}


def test_control_changes_in_the_running_console_and_the_loser_lets_go(
    gateway, site, display
) -> None:
    site.console["has_control"] = site.orders["has_control"] = False
    with opened(gateway) as client:
        client.send(KEY + REQUEST)
        display.heard(REQUEST)
        assert KEY not in display.got
        site.orders["has_control"] = True
        wait_until(lambda: _typed(client, display), limit_s=8, what="control")
        site.orders["has_control"] = False
        display.heard(KEY_UP)


def _typed(client: ClientConnection, display: Display) -> bool:
    client.send(KEY)
    return KEY in display.got


def test_page_and_site_talk_through_it_at_once(gateway, site, display) -> None:
    site.orders["tell"] = '{"t":"seats","me":"ü"}'
    with opened(gateway, seats=True) as client:
        texts = (client.recv(timeout=2) for _ in range(3))
        assert next(each for each in texts if isinstance(each, str)) == '{"t":"seats","me":"ü"}'
        client.send('{"t":"ask"}')
        wait_until(
            lambda: any(body.get("said") == ['{"t":"ask"}'] for body in site.said("/c1")),
            limit_s=2,
            what="the wish at the site",
        )
        client.send('{"t":"here"}')
        client.send(REQUEST)
        display.heard(REQUEST)
    assert not any('{"t":"here"}' in body["said"] for body in site.said("/c1"))


def test_text_from_who_did_not_offer_it_ends_the_console(gateway, display) -> None:
    with opened(gateway) as client:
        client.send("text")
        assert ending(client)[0] == 4500


@pytest.mark.parametrize(
    ("reason", "code"),
    [("revoked", 4403), ("logged-out", 4401), ("vm-gone", 4404), ("not-recorded", 4424),
     ("console-exclusive", 4423), ("something-new", 4403)],
)  # fmt: skip
def test_it_ends_within_five_seconds_of_the_sites_word(gateway, site, display, reason, code):
    with opened(gateway) as client:
        site.orders["end"] = reason
        assert ending(client, 5)[0] == code
    assert wait_until(lambda: site.said("/closed"), limit_s=5)[0]["reason"]


def test_a_guest_that_ends_says_so_and_one_that_is_off_too(gateway, site, display) -> None:
    with opened(gateway) as client:
        wait_until(lambda: display.ends, limit_s=5)
        display.ends[0].shutdown(socket.SHUT_RDWR)
        assert ending(client) == (4410, "guest-ended")
    site.console["domain_uuid"] = "off"
    with opened(gateway) as client:
        assert ending(client) == (4410, "guest-ended")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://vms.example.org.evil"])
def test_a_foreign_origin_is_refused_without_asking_the_site(gateway, site, origin) -> None:
    with pytest.raises(InvalidStatus) as caught, opened(gateway, origin=origin):
        pass
    assert caught.value.response.status_code == 403
    assert site.asked == []


def test_without_an_origin_the_site_decides(gateway, site, display) -> None:
    with opened(gateway):
        assert site.said("/consoles")[0]["has_trusted_origin"] is False


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_the_site_refuses_is_refused_alike(gateway, site, status) -> None:
    site.status = status
    with pytest.raises(InvalidStatus) as caught, opened(gateway):
        pass
    assert caught.value.response.status_code == 403


def test_pings_and_pieces_of_frames_stop_nothing(gateway, display) -> None:
    with opened(gateway) as client:
        assert client.ping().wait(3)
        client.socket.sendall(b"\x82\x8a" + bytes(4) + REQUEST[:5])
        wait_until(lambda: display.ends, limit_s=5)
        display.ends[0].sendall(b"meanwhile")
        pieces = b""
        while not pieces.endswith(b"meanwhile"):
            pieces += client.recv(timeout=3)
        client.socket.sendall(REQUEST[5:])
        display.heard(REQUEST)


def test_a_frame_without_an_end_is_not_held(gateway, display) -> None:
    with opened(gateway) as client:
        client.socket.sendall(b"\x82\xff" + (1 << 32).to_bytes(8) + bytes(4))
        with contextlib.suppress(OSError):
            for _ in range(128):
                client.socket.sendall(bytes(65536))
        with pytest.raises(ConnectionClosed):
            while True:
                client.recv(timeout=8)


def test_a_site_that_is_away_for_a_while_ends_nothing(gateway, site, display) -> None:
    with opened(gateway) as client:
        site.status = 500
        before = len(site.said("/c1"))
        wait_until(lambda: len(site.said("/c1")) > before + 1, limit_s=10, what="two questions")
        client.send(REQUEST)
        display.heard(REQUEST)
