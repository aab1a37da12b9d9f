"""Downloads from a server that lies, stalls, redirects, truncates; and what is not asked at all."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.webserver import DATA, Handler
from vms.imaging import addresses, fetch
from vms.imaging.addresses import Rules
from vms.problems import Problem

HERE = Rules.of(["127.0.0.0/8"], [])


def get(url: str, path: Path, *, rules: Rules = HERE, limit: int = 1 << 30) -> bytes:
    fetch.download(url, path, limit_bytes=limit, rules=rules, progress=lambda _done, _all: None)
    return path.read_bytes()


def code(url: str, path: Path, **more: Any) -> str:
    with pytest.raises(Problem) as caught:
        get(url, path, **more)
    return caught.value.code


def test_a_file_comes_byte_for_byte_with_its_progress(server, tmp_path):
    url, routes, _asked = server
    routes["/x"] = lambda h: h.part()
    seen: list[tuple[int, int]] = []
    fetch.download(
        f"{url}/x",
        tmp_path / "x",
        limit_bytes=1 << 30,
        rules=HERE,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (tmp_path / "x").read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))


def test_a_connection_that_breaks_goes_on_where_it_stopped(server, tmp_path):
    url, routes, asked = server
    routes["/x"] = lambda h: h.part(cut=400_000)
    assert get(f"{url}/x", tmp_path / "x") == DATA
    starts = [wanted for _path, wanted in asked]
    assert starts[0] == ""
    assert starts[1] == "bytes=400000-"
    assert len(asked) == 4


def test_a_file_that_changed_meanwhile_is_begun_anew(server, tmp_path):
    url, routes, asked = server
    other = bytes(reversed(DATA))

    def changes(h: Handler) -> None:
        h.part(DATA, cut=300_000) if len(asked) == 1 else h.part(other, etag='"2"')

    routes["/x"] = changes
    assert get(f"{url}/x", tmp_path / "x") == other


def test_a_server_without_ranges_is_begun_anew(server, tmp_path):
    url, routes, asked = server

    def plain(h: Handler) -> None:
        h.start(200, Content_Length=str(len(DATA)), ETag='"1"')
        h.wfile.write(DATA[:1000] if len(asked) == 1 else DATA)
        h.close_connection = True

    routes["/x"] = plain
    assert get(f"{url}/x", tmp_path / "x") == DATA


def test_a_server_that_always_breaks_off_is_given_up(server, tmp_path):
    url, routes, asked = server

    def never(h: Handler) -> None:
        h.start(200, Content_Length=str(len(DATA)))
        h.close_connection = True

    routes["/x"] = never
    assert code(f"{url}/x", tmp_path / "x") == "url-broken"
    assert len(asked) == fetch.TRIES


def test_a_server_that_trickles_is_cut_off(server, tmp_path, monkeypatch):
    url, routes, asked = server
    monkeypatch.setattr(fetch, "SLOW_S", 1.0)
    monkeypatch.setattr(fetch, "TRIES", 1)
    over = threading.Event()

    def trickles(h: Handler) -> None:
        h.start(200)
        while not over.wait(0.05):
            h.wfile.write(b"x")

    routes["/x"] = trickles
    try:
        assert code(f"{url}/x", tmp_path / "x") == "url-broken"
    finally:
        over.set()
    assert len(asked) <= 2


def test_a_server_that_says_nothing_is_cut_off(server, tmp_path, monkeypatch):
    url, routes, _asked = server
    monkeypatch.setattr(fetch, "READ_S", 0.2)
    monkeypatch.setattr(fetch, "TRIES", 2)
    over = threading.Event()
    routes["/x"] = lambda _h: over.wait(5)
    try:
        assert code(f"{url}/x", tmp_path / "x") == "url-broken"
    finally:
        over.set()


def test_busy_servers_are_asked_again_and_others_are_not(server, tmp_path):
    url, routes, asked = server
    routes["/x"] = lambda h: h.start(503, Content_Length="0") if len(asked) < 3 else h.part()
    assert get(f"{url}/x", tmp_path / "x") == DATA
    asked.clear()
    routes["/none"] = lambda h: h.start(404, Content_Length="0")
    assert code(f"{url}/none", tmp_path / "y") == "url-status"
    assert len(asked) == 1


@pytest.mark.parametrize("says_length", [True, False])
def test_more_than_the_limit_is_not_taken(server, tmp_path, says_length):
    url, routes, _asked = server

    def large(h: Handler) -> None:
        h.start(200, **({"Content_Length": str(len(DATA))} if says_length else {}))
        h.wfile.write(DATA)
        h.close_connection = True

    routes["/x"] = large
    assert code(f"{url}/x", tmp_path / "x", limit=1_000_000) == "image-too-large"
    assert (tmp_path / "x").stat().st_size <= 1_000_000


def test_redirects_are_followed_and_not_for_ever(server, tmp_path):
    url, routes, _asked = server
    routes["/a"] = lambda h: h.start(302, Location="/b", Content_Length="0")
    routes["/b"] = lambda h: h.start(301, Location=f"{url}/c?q=1", Content_Length="0")
    routes["/c"] = lambda h: h.part()
    assert get(f"{url}/a", tmp_path / "x") == DATA
    routes["/loop"] = lambda h: h.start(302, Location="/loop", Content_Length="0")
    assert code(f"{url}/loop", tmp_path / "y") == "url-redirects"


def test_a_redirect_to_where_nobody_may_ask_is_refused(server, tmp_path):
    url, routes, asked = server
    for number, location in enumerate(
        ["http://127.0.0.2/x", "http://[::1]/x", "http://169.254.169.254/x", "http://10.0.0.1/x"]
    ):
        routes[f"/{number}"] = lambda h, to=location: h.start(302, Location=to, Content_Length="0")
        only = Rules.of(["127.0.0.1/32"], [])
        assert code(f"{url}/{number}", tmp_path / "x", rules=only) == "url-forbidden"
    routes["/file"] = lambda h: h.start(302, Location="file:///etc/passwd", Content_Length="0")
    assert code(f"{url}/file", tmp_path / "x") == "url-rule"
    assert len(asked) == 5


def test_the_address_that_was_judged_is_the_one_that_is_asked(server, tmp_path, monkeypatch):
    """A name that gives another address at the second look gains nothing: there is no second."""
    url, routes, asked = server
    routes["/x"] = lambda h: h.part()
    port = int(url.rpartition(":")[2])
    looks: list[str] = []

    def turncoat(host: str, *_args: Any, **_more: Any) -> list[Any]:
        looks.append(host)
        address = "127.0.0.1" if len(looks) == 1 else "127.0.0.99"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", _only_for("turncoat.test", turncoat))
    assert get(f"http://turncoat.test:{port}/x", tmp_path / "x") == DATA
    assert looks == ["turncoat.test"]
    assert len(asked) == 1


def test_a_name_with_one_forbidden_address_among_good_ones_is_refused(tmp_path, monkeypatch):
    def both(*_args: Any, **_more: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", _only_for("both.test", both))
    assert code("http://both.test/x", tmp_path / "x", rules=Rules()) == "url-forbidden"


def _only_for(name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **more: Any) -> Any:
        return answer(host, *args, **more) if host == name else real(host, *args, **more)

    return resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://0.0.0.0/x",
        "http://10.1.2.3/x",
        "http://172.16.0.1/x",
        "http://192.168.1.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/x",
        "http://[fe80::1]/x",
        "http://[fd00::1]/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://[64:ff9b::7f00:1]/x",
        "http://[2002:7f00:1::]/x",
        "http://224.0.0.1/x",
        "http://2130706433/x",
        "http://0x7f.1/x",
    ],
)
def test_addresses_that_are_not_public_are_not_asked(tmp_path, url):
    assert code(url, tmp_path / "x", rules=Rules()) in {"url-forbidden", "url-unknown"}


def test_an_operator_can_allow_his_own_networks_and_forbid_public_ones():
    rules = Rules.of(["10.20.0.0/16", "fd00::/8"], ["93.184.0.0/16"])
    permitted = {
        text: rules.permit(ipaddress.ip_address(text))
        for text in ("10.20.1.1", "10.21.1.1", "fd00::1", "93.184.1.1", "1.1.1.1", "127.0.0.1")
    }
    assert permitted == {
        "10.20.1.1": True,
        "10.21.1.1": False,
        "fd00::1": True,
        "93.184.1.1": False,
        "1.1.1.1": True,
        "127.0.0.1": False,
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///etc/passwd", "url-rule"),
        ("ftp://example.org/x", "url-rule"),
        ("https://user:pw@example.org/x", "url-password"),
        ("https://", "url-rule"),
        ("https://example.org:99999/x", "url-rule"),
        ("https://exa mple.org/x", "url-rule"),
        ("https://example.org/\r\nHost: evil", "url-rule"),
        ("", "url-rule"),
    ],
)
def test_what_is_no_address_of_an_image_is_refused(tmp_path, url, expected):
    assert code(url, tmp_path / "x") == expected
