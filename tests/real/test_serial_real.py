"""Serial consoles from a client's websocket to a real guest's port, through a real server."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.site import Site, running_site, wait_until

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site() as running:
        yield running


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    """The id of a Tiny Linux guest."""
    return str(site.create("talks")["id"])


@pytest.fixture
def domain(guest: str) -> Iterator[libvirt.virDomain]:
    connection = libvirt.open("qemu:///system")
    yield connection.lookupByUUIDString(guest)
    connection.close()


@pytest.fixture
def opened(site: Site, guest: str) -> Iterator[Callable[..., ClientConnection]]:
    """Open the serial port as the administrator's script does: opened(mode="view")."""
    with contextlib.ExitStack() as stack:

        def one(**wanted: object) -> ClientConnection:
            ticket = site.api("POST", f"vms/{guest}/console", {"kind": "serial", **wanted})
            return stack.enter_context(connect(ticket["url"], subprotocols=ticket["protocols"]))

        yield one


def read_until(client: ClientConnection, wanted: bytes, limit_s: float = 60) -> bytes:
    heard = b""
    while wanted not in heard:
        heard += client.recv(timeout=limit_s)
    return heard


def log_in(client: ClientConnection) -> None:
    client.send(b"\r")
    heard = read_until(client, b"login:")
    if not heard.rstrip().endswith(b"#"):
        client.send(b"root\r")
        read_until(client, b"# ")


def log_out(client: ClientConnection) -> None:
    client.send(b"exit\r")
    read_until(client, b"login:")


def ending(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as caught:
        while True:
            client.recv(timeout=10)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


def test_a_command_typed_is_answered_to_all_viewers_and_a_newcomer_sees_it(opened) -> None:
    first, second = opened(), opened(mode="view")
    log_in(first)
    first.send(b"echo answer-$((40+2))\r")
    read_until(first, b"answer-42")
    read_until(second, b"answer-42")
    assert b"answer-42" in read_until(opened(), b"answer-42")
    second.send(b"echo typed-by-a-viewer\r")
    first.send(b"echo still-$((1+1))\r")
    assert b"typed-by" not in read_until(first, b"still-2")
    log_out(first)


def test_ten_thousand_lines_arrive_whole(opened) -> None:
    client = opened()
    log_in(client)
    client.send(b"seq 1 10000; echo all-$((1+1))\r")
    heard = read_until(client, b"all-2").decode().split("\r\n")
    numbers = [int(line) for line in heard if line.isdecimal()]
    assert numbers == list(range(1, 10001))
    log_out(client)


def virsh_console(domain: libvirt.virDomain) -> tuple[subprocess.Popen[bytes], int]:
    """Somebody on the host who opens the console; it wants a terminal."""
    ours, theirs = pty.openpty()
    command = ["virsh", "-c", "qemu:///system", "console", "--safe", domain.UUIDString()]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    return process, ours


def test_while_virsh_holds_the_port_the_console_says_so_and_has_it_afterwards(
    opened, domain
) -> None:
    process, terminal = virsh_console(domain)
    try:
        said = b""
        while b"Escape character" not in said:
            said += os.read(terminal, 1000)
        assert ending(opened()) == (4409, "console-serial-busy")
    finally:
        process.kill()
        process.wait(10)
        os.close(terminal)
    wait_until(lambda: not _is_held(domain), limit_s=10, what="virsh to be gone")
    client = opened()
    client.send(b"\r")
    read_until(client, b"login:")


def _is_held(domain: libvirt.virDomain) -> bool:
    stream = domain.connect().newStream()
    try:
        domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_SAFE)
    except libvirt.libvirtError:
        return True
    stream.abort()
    return False


def test_the_port_is_let_go_when_the_last_viewer_is_gone(opened, domain) -> None:
    first, second = opened(), opened()
    wait_until(lambda: _is_held(domain), limit_s=5)
    first.close()
    second.socket.close()  # without a word, as a machine that is lost
    wait_until(lambda: not _is_held(domain), limit_s=10, what="the port let go")


def test_no_thread_and_no_descriptor_is_left_of_many_consoles(site, opened, domain) -> None:
    def kept() -> tuple[int, int]:
        process = Path(f"/proc/{site.pid}")
        return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))

    def once() -> None:
        client = opened()
        client.send(b"\r")
        read_until(client, b"login:")
        client.close()

    for _ in range(5):
        once()
    wait_until(lambda: not _is_held(domain), limit_s=10)
    threads, descriptors = kept()
    for _ in range(15):
        once()
    wait_until(lambda: not _is_held(domain), limit_s=10)
    wait_until(lambda: kept()[0] <= threads + 2 and kept()[1] <= descriptors + 4, limit_s=10)


def test_a_power_cycle_ends_the_console_with_its_code_and_it_opens_again(
    site, guest, opened, domain
) -> None:
    client = opened()
    client.send(b"\r")
    read_until(client, b"login:")
    domain.destroy()
    assert ending(client) == (4410, "guest-ended")
    domain.create()
    wait_until(lambda: site.api("GET", f"vms/{guest}")["state"] == "running", limit_s=5)
    read_until(opened(), b"login:", 90)
