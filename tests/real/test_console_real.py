"""The console from a client's websocket to a real guest's display, through a real server."""

from __future__ import annotations

import contextlib
import copy
import socket
import struct
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import libvirt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.site import Site, running_site, wait_until

pytestmark = pytest.mark.alone

INIT = b"RFB 003.008\n\x01\x00"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(KVMWEB_SAMPLE_INTERVAL_S="0.5") as running:
        yield running


@pytest.fixture(scope="module")
def screen(site: Site) -> Iterator[libvirt.virDomain]:
    """A guest that runs, with a display and nothing else: it stays in its firmware."""
    connection = libvirt.open("qemu:///system")
    domain = connection.defineXML(
        f"<domain type='qemu'><name>{site.name} screen #1</name><memory unit='MiB'>32</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        "<devices><graphics type='vnc'><listen type='none'/></graphics>"
        "<video><model type='vga'/></video></devices></domain>"
    )
    domain.create()
    vm_id = domain.UUIDString()
    try:
        wait_until(lambda: _row(site, vm_id).get("state") == "running", limit_s=30)
        yield domain
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            domain.destroy()
        domain.undefine()
        connection.close()


@pytest.fixture(scope="module", autouse=True)
def quiet(screen: libvirt.virDomain) -> int:
    """Sockets of the guest's QEMU while nobody looks; asked before the first test."""
    return _viewers(screen)


def _row(site: Site, vm_id: str) -> dict:
    items = site.api("GET", "vms?limit=200")["items"]
    return next((vm for vm in items if vm["id"] == vm_id), {})


def _open(site: Site, domain: libvirt.virDomain, **wanted: object) -> connect:
    ticket = site.api("POST", f"vms/{domain.UUIDString()}/console", wanted)
    return connect(
        ticket["url"],
        subprotocols=ticket["protocols"],
        compression="deflate",
        max_size=None,
    )


def _greet(client: ClientConnection) -> tuple[int, int, str]:
    """Speak RFB up to ServerInit; return width, height and name."""
    data = b""

    def more(count: int) -> None:
        nonlocal data
        while len(data) < count:
            data += client.recv(timeout=10)

    more(12)
    assert data == b"RFB 003.008\n"
    client.send(INIT[:12])
    more(14)
    assert data[12:14] == b"\x01\x01"
    client.send(INIT[12:13])
    more(18)
    client.send(INIT[13:])
    more(42)
    width, height = struct.unpack(">HH", data[18:22])
    (length,) = struct.unpack(">I", data[38:42])
    more(42 + length)
    return width, height, data[42:].decode()


def _viewers(domain: libvirt.virDomain) -> int:
    """Count the sockets of the guest's QEMU: each console is one more."""
    wanted = domain.UUIDString().encode()
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if b"qemu-system" in command.split(b"\0")[0] and wanted in command:
                links = [str(link.readlink()) for link in (process / "fd").iterdir()]
                found += sum(link.startswith("socket:") for link in links)
    return found


def _end(client: ClientConnection, timeout_s: float = 5) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            client.recv(timeout=timeout_s)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_any_rfb_client_sees_the_screen_and_no_port_is_open(site, screen) -> None:
    with _open(site, screen) as client:
        assert client.subprotocol == "binary"
        assert not client.protocol.extensions
        width, height, name = _greet(client)
        assert width >= 640
        assert height >= 400
        assert screen.name() in name
        client.send(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
        assert len(client.recv(timeout=10)) > 4
    assert "port='-1'" in screen.XMLDesc() or "port=" not in screen.XMLDesc().split("graphics")[1]


def test_a_ticket_is_refused_the_second_time_with_403(site, screen) -> None:
    ticket = site.api("POST", f"vms/{screen.UUIDString()}/console")
    with connect(ticket["url"], subprotocols=ticket["protocols"]):
        pass
    with pytest.raises(InvalidStatus) as caught:
        connect(ticket["url"], subprotocols=ticket["protocols"])
    assert caught.value.response.status_code == 403


def test_the_path_of_no_guest_is_refused_like_that_of_a_guest(site, screen) -> None:
    for path in (screen.UUIDString(), "00000000-0000-4000-8000-000000000000", "x"):
        with pytest.raises(InvalidStatus) as caught:
            connect(
                f"ws://localhost:{site.port}/ws/console/{path}",
                subprotocols=["binary", "ticket.guessed"],
            )
        assert caught.value.response.status_code == 403


def test_two_clients_share_the_display_though_both_want_it_alone(site, screen) -> None:
    with _open(site, screen) as first:
        _greet(first)
        with _open(site, screen) as second:
            size = _greet(second)[:2]
            first.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
            assert first.recv(timeout=10)


def test_a_viewer_sees_the_screen_and_a_viewer_who_lies_about_lengths_is_closed(
    site, screen
) -> None:
    with _open(site, screen, mode="view") as client:
        size = _greet(client)[:2]
        client.send(struct.pack(">BxH3i", 2, 3, 0, -258, -308))  # extended keys and sizes
        client.send(struct.pack(">BBHI", 4, 1, 0, 0x61) * 100)
        client.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        data = client.recv(timeout=10)
        while len(data) < size[0] * size[1]:
            data += client.recv(timeout=10)
        # One picture and nothing else: QEMU was not told that the client knows extended keys.
        assert data[0] == 0
        assert struct.unpack(">i", data[12:16])[0] == 0
        client.send(struct.pack(">B3xi", 6, 2**31 - 1))
        assert _end(client) == (4500, "not-rfb")


def test_the_display_is_let_go_when_the_browser_goes(site, screen, quiet) -> None:
    wait_until(lambda: _viewers(screen) == quiet, limit_s=30, what="earlier displays let go")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(_open(site, screen)) for _ in range(5)]
        for client in clients:
            _greet(client)
        assert _viewers(screen) == quiet + 5
        for client in clients[2:]:
            client.socket.shutdown(socket.SHUT_RDWR)  # without a word, as a machine that is lost
    wait_until(lambda: _viewers(screen) == quiet, limit_s=30, what="displays let go")


def _as_another(site: Site, number: int) -> Site:
    """The site as one more administrator uses it: tickets are limited by person."""
    name = f"boss{number}"
    make = f"from vms.models import User; User.objects.create_user('{name}', role='administrator')"
    site.manage("shell", "-c", make)
    other = copy.copy(site)
    other.token = site.manage("create_token", name).strip()
    return other


def _descriptors(site: Site) -> int:
    return len(list(Path(f"/proc/{site.pid}/fd").iterdir()))


def _metric(site: Site, name: str) -> float:
    request = urllib.request.Request(
        f"{site.url}/metrics", headers={"Authorization": f"Bearer {site.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def test_500_consoles_opened_and_dropped_leave_no_descriptor_task_or_client(
    site, screen, quiet
) -> None:
    people = [_as_another(site, number) for number in range(5)]

    def once(number: int) -> None:
        with _open(people[number % 5], screen, mode="view" if number % 2 else "control") as client:
            if number % 3:
                _greet(client)
            if number % 7 == 0:
                client.socket.shutdown(socket.SHUT_RDWR)  # as a machine that is lost

    def at_rest() -> bool:
        return _metric(site, "kvmweb_consoles") == 0 and _viewers(screen) == quiet

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(once, range(20)))  # threads and connections that stay are there
        wait_until(at_rest, limit_s=30, what="the first consoles let go")
        descriptors, tasks = _descriptors(site), _metric(site, "kvmweb_tasks")
        list(pool.map(once, range(500)))
    wait_until(at_rest, limit_s=30, what="all consoles let go")
    wait_until(lambda: _descriptors(site) <= descriptors + 4, limit_s=20, what="descriptors")
    wait_until(lambda: _metric(site, "kvmweb_tasks") <= tasks + 2, limit_s=20, what="tasks")
    assert site.api("GET", f"vms/{screen.UUIDString()}/consoles") == []


def test_a_guest_powered_off_by_virsh_ends_the_console_with_its_code(site, screen) -> None:
    with _open(site, screen) as client:
        _greet(client)
        screen.destroy()
        assert _end(client) == (4410, "guest-ended")
    screen.create()
    wait_until(lambda: _row(site, screen.UUIDString())["state"] == "running", limit_s=30)
    with _open(site, screen) as again:
        _greet(again)


def test_reset_and_pause_leave_the_console_open(site, screen) -> None:
    with _open(site, screen) as client:
        size = _greet(client)[:2]
        screen.reset()
        screen.suspend()
        screen.resume()
        client.send(struct.pack(">BBHHHH", 3, 0, 0, 0, *size))
        assert client.recv(timeout=10)


def test_a_revoked_token_ends_its_console(site, screen) -> None:
    with _open(site, screen) as client:
        _greet(client)
        users = "from vms.models import User; User.objects.update(is_active={})"
        site.manage("shell", "-c", users.format(0))
        try:
            assert _end(client, 10)[0] == 4401
        finally:
            site.manage("shell", "-c", users.format(1))


def test_a_console_costs_under_a_megabyte(site, screen) -> None:
    def resident_kib() -> int:
        status = Path(f"/proc/{site.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    with contextlib.ExitStack() as stack:

        def more(count: int) -> int:
            for _ in range(count):
                _greet(stack.enter_context(_open(site, screen)))
            return resident_kib()

        before = more(4)
        assert (more(12) - before) / 12 < 1024


def test_numbers_of_a_real_guest_reach_the_api(site, screen) -> None:
    def numbers() -> dict:
        return site.api("GET", f"vms/{screen.UUIDString()}").get("numbers") or {}

    def known() -> dict | None:
        found = numbers()
        wanted = ("cpu_percent", "memory_used_mib", "memory_total_mib")
        return found if all(found.get(key) is not None for key in wanted) else None

    found = wait_until(known, limit_s=30, what="numbers")
    assert 0 <= found["cpu_percent"] <= 100
    assert 0 < found["memory_used_mib"] <= found["memory_total_mib"]
    screen.destroy()
    wait_until(lambda: numbers().get("cpu_percent") is None, limit_s=30, what="no numbers when off")
    screen.create()
