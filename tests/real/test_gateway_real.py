"""A gateway between real clients and a real display: who gets in, what passes, when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

from tests.real.test_console_real import INIT, _end, _greet, _row, _viewers
from tests.support.gateway import Gateway, running_gateway
from tests.support.site import Site, running_site, wait_until
from vms.management import tls

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(KVMWEB_CONSOLE_MAX_PER_VM="6") as running:
        yield running


@pytest.fixture(scope="module")
def gateway(site: Site) -> Iterator[Gateway]:
    with running_gateway(site) as running:
        yield running


@pytest.fixture(scope="module")
def screen(site: Site) -> Iterator[libvirt.virDomain]:
    """A guest that stays in its firmware."""
    connection = libvirt.open("qemu:///system")
    domain = connection.defineXML(
        f"<domain type='qemu'><name>{site.name} gw #1</name><memory unit='MiB'>32</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        "<devices><graphics type='vnc'><listen type='none'/></graphics>"
        "<video><model type='vga'/></video></devices></domain>"
    )
    domain.create()
    try:
        wait_until(lambda: _row(site, domain.UUIDString()).get("state") == "running", limit_s=30)
        yield domain
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            domain.destroy()
        domain.undefine()
        connection.close()


def ask(site: Site, domain: libvirt.virDomain, **wanted: object) -> dict:
    return site.api("POST", f"vms/{domain.UUIDString()}/console", wanted)


def opened(site: Site, domain: libvirt.virDomain, **wanted: object) -> connect:
    ticket = ask(site, domain, **wanted)
    return connect(ticket["url"], subprotocols=ticket["protocols"], max_size=None)


def refused(url: str, protocols: list[str], **more: object) -> int:
    with pytest.raises(InvalidStatus) as caught, connect(url, subprotocols=protocols, **more):
        pass
    return caught.value.response.status_code


def test_a_ticket_leads_to_the_gateway_and_opens_the_screen_there_once(site, gateway, screen):
    before = _viewers(screen)
    ticket = ask(site, screen)
    assert ticket["url"] == f"ws://localhost:{gateway.port}/{screen.UUIDString()}"
    with connect(ticket["url"], subprotocols=ticket["protocols"], max_size=None) as client:
        assert client.subprotocol == "binary"
        size = _greet(client)[:2]
        client.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        assert len(client.recv(timeout=10)) > 4
        assert _viewers(screen) == before + 1
        assert refused(ticket["url"], ticket["protocols"]) == 403
    wait_until(lambda: _viewers(screen) == before, limit_s=10, what="the display let go")
    line = wait_until(lambda: audited(site, "console.close"), limit_s=10, what="the audit")[0]
    assert line["result"] == "succeeded"


def audited(site: Site, action: str) -> list[dict]:
    return site.api("GET", f"audit?action={action}")["items"]


def test_what_belongs_to_one_door_opens_no_other(site, gateway, screen) -> None:
    vm_id = screen.UUIDString()
    protocols = ask(site, screen)["protocols"]
    assert refused(f"ws://localhost:{site.port}/ws/console/{vm_id}", protocols) == 403
    gateway.route("")
    try:
        there = ask(site, screen)
        assert there["url"].endswith(f"/ws/console/{vm_id}")
        assert refused(f"ws://localhost:{gateway.port}/{vm_id}", there["protocols"]) == 403
    finally:
        gateway.route(gateway.url)


@pytest.mark.parametrize("path", ["", "x", "..%2f", "00000000-0000-4000-8000-000000000000"])
def test_a_path_that_is_not_the_tickets_guest_is_refused(site, gateway, screen, path) -> None:
    protocols = ask(site, screen)["protocols"]
    assert refused(f"ws://localhost:{gateway.port}/{path}", protocols) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost"])
def test_a_page_of_another_origin_is_refused_whatever_its_ticket(
    site, gateway, screen, origin
) -> None:
    ticket = ask(site, screen)
    assert refused(ticket["url"], ticket["protocols"], origin=origin) == 403


def test_whoever_has_no_ticket_learns_nothing(site, gateway, screen) -> None:
    url = f"ws://localhost:{gateway.port}/{screen.UUIDString()}"
    assert refused(url, ["binary", "ticket.guessed"]) == 403
    assert refused(url, ["binary"]) == 403
    assert refused(url, [f"ticket.{ask(site, screen)['protocols'][1][7:]}"]) == 403


def test_two_clients_share_and_a_viewers_keys_end_at_the_gateway(site, gateway, screen) -> None:
    with opened(site, screen) as first, opened(site, screen, mode="view") as second:
        size = _greet(first)[:2]
        _greet(second)
        second.send(struct.pack(">BxH3i", 2, 3, 0, -258, -308))
        second.send(struct.pack(">BBHI", 4, 1, 0, 0x61) * 100)
        second.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        assert second.recv(timeout=10)
        first.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        assert first.recv(timeout=10)
        second.send(b"\x77lies")
        assert _end(second) == (4500, "not-rfb")


def test_a_frame_of_four_gigabytes_is_never_held(site, gateway, screen) -> None:
    with opened(site, screen) as client:
        _greet(client)
        client.socket.sendall(b"\x82\xff" + (1 << 32).to_bytes(8) + bytes(4))
        with contextlib.suppress(OSError, ConnectionClosed):
            for _ in range(200):
                client.socket.sendall(bytes(65536))
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)
    assert "MemoryError" not in gateway.log()


def test_a_right_that_is_taken_ends_it_within_five_seconds(site, gateway, screen) -> None:
    site.manage("shell", "-c", MAKE_ALICE.format(vm=screen.UUIDString()))
    token = site.manage("create_token", "alice").strip()
    mine, site.token = site.token, token
    try:
        ticket = ask(site, screen)
    finally:
        site.token = mine
    with connect(ticket["url"], subprotocols=ticket["protocols"], max_size=None) as client:
        _greet(client)
        site.api("PUT", f"vms/{screen.UUIDString()}/owner", {"owner_id": None})
        assert _end(client, timeout_s=5) == (4403, "revoked")


MAKE_ALICE = (
    "from vms.models import User, VM; "
    "alice = User.objects.create_user('alice', password='alice has a long one'); "
    "VM.objects.filter(pk='{vm}').update(owner=alice)"
)


def test_a_guest_that_is_powered_off_ends_it_and_says_so(site, gateway, screen) -> None:
    with opened(site, screen) as client:
        _greet(client)
        screen.destroy()
        assert _end(client) == (4410, "guest-ended")
    screen.create()
    wait_until(lambda: _row(site, screen.UUIDString()).get("state") == "running", limit_s=30)


def test_one_console_too_many_is_refused(site, gateway, screen) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(opened(site, screen))
        ticket = ask(site, screen)
        assert refused(ticket["url"], ticket["protocols"]) == 403


def test_somebody_who_dawdles_over_his_handshake_is_cut_off(site, gateway, screen) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port)) as slow:
        slow.settimeout(25)
        slow.sendall(b"GET / HTTP/1.1\r\n")
        assert slow.recv(1) == b""


def test_consoles_outlive_a_restart_of_the_site(site, gateway, screen) -> None:
    with opened(site, screen) as client:
        size = _greet(client)[:2]
        site.stop(signal.SIGKILL)
        client.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        assert client.recv(timeout=10)
        site.start()
        client.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        assert client.recv(timeout=10)


def test_a_credential_that_is_revoked_ends_all_that_it_let_in(site, screen) -> None:
    with running_gateway(site) as other, opened(site, screen) as client:
        _greet(client)
        site.manage("revoke_gateway", other.name)
        assert _end(client, timeout_s=6)[0] == 4403
        ticket = ask(site, screen)
        assert refused(ticket["url"], ticket["protocols"]) == 403


def test_with_a_certificate_it_speaks_tls_and_nothing_else(site, screen, tmp_path) -> None:
    made = tls.ensure(tmp_path, {"localhost"})
    files = ("--cert", str(made.certificate), "--key", str(made.key))
    with running_gateway(site, *files) as safe:
        ticket = ask(site, screen)
        assert ticket["url"].startswith("wss://")
        trust = ssl.create_default_context(cafile=str(made.certificate))
        with connect(ticket["url"], subprotocols=ticket["protocols"], ssl=trust) as client:
            _greet(client)
            client.send(INIT)
        url = f"ws://localhost:{safe.port}/x"
        with (
            pytest.raises((OSError, WebSocketException)),
            connect(url, subprotocols=["binary"], open_timeout=5),
        ):
            pass


def test_nothing_is_left_of_consoles_that_are_gone(site, gateway, screen) -> None:
    before, children = _viewers(screen), Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children")
    for _ in range(3):
        with opened(site, screen) as client:
            _greet(client)
            os.close(os.dup(client.socket.fileno()))
    wait_until(lambda: not children.read_text().split(), limit_s=15, what="children gone")
    wait_until(lambda: _viewers(screen) == before, limit_s=15, what="the display let go")
