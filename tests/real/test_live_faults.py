"""Faults under open pages on a real libvirtd: pages are right again by themselves.

The log says what happened once. Guests of others may be there too.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest
from websockets.sync.client import ClientConnection

from tests.bench.visitor import Visitor
from tests.support.site import Site, running_site, wait_until
from tests.support.wire import Wire

pytestmark = pytest.mark.alone

INTERVAL_S = 0.5
SETTINGS = {"KVMWEB_SAMPLE_INTERVAL_S": str(INTERVAL_S)}
ADD_HOST = "from vms.models import Host; Host.objects.create(name={name!r}, uri={uri!r})"
GUEST_XML = (
    "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64'>hvm</type></os><devices><memballoon model='none'/></devices></domain>"
)


class Page:
    """An open page's end of the status socket."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        assert self.next("hello")["tick_s"] == INTERVAL_S

    def messages(self, limit_s: float) -> Iterator[dict[str, Any]]:
        """Give what comes until the limit is over."""
        deadline_s = time.monotonic() + limit_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                content = json.loads(self.line.recv(timeout=left_s))
            except TimeoutError:
                return
            yield from content if isinstance(content, list) else [content]

    def next(
        self,
        kind: str,
        fits: Callable[[dict[str, Any]], bool] = lambda _message: True,
        limit_s: float = 15,
    ) -> dict[str, Any]:
        """Wait for a message; others in between are dropped."""
        for message in self.messages(limit_s):
            if message["t"] == kind and fits(message):
                return message
        raise AssertionError(f"no {kind} within {limit_s} s")

    def hear_of(self, vm_ids: set[str], limit_s: float = 15) -> None:
        """Wait until numbers of all these guests have come."""
        missing = set(vm_ids)
        for message in self.messages(limit_s):
            missing -= message.get("vms", {}).keys()
            if not missing:
                return
        raise AssertionError(f"no numbers of {missing}")

    def show(self) -> dict[str, Any]:
        """Say that the page is shown; return the numbers of all guests."""
        self.line.send(json.dumps({"t": "visible", "on": True}))
        return self.next("numbers", lambda message: message.get("full"))["vms"]

    def cut(self) -> None:
        """Vanish without a word."""
        self.line.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.line.socket.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def opened(visitor: Visitor) -> Iterator[Page]:
    """A page that is left at the end."""
    with visitor.status_socket() as line:
        yield Page(line)


@contextlib.contextmanager
def visiting(site: Site) -> Iterator[Visitor]:
    """Somebody who is logged in."""
    visitor = Visitor(site)
    try:
        visitor.log_in()
        yield visitor
    finally:
        visitor.close()


@contextlib.contextmanager
def guests(site: Site, virsh: libvirt.virConnect, count: int) -> Iterator[list[libvirt.virDomain]]:
    """Guests without a disk, made as virsh makes them, running but paused; gone at the end."""
    domains: list[libvirt.virDomain] = []
    try:
        for number in range(count):
            xml = GUEST_XML.format(name=f"{site.name}-{number}")
            domains.append(virsh.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED))
        wait_until(lambda: len(states(site, domains)) == count, limit_s=10)
        yield domains
    finally:
        for domain in domains:
            with contextlib.suppress(libvirt.libvirtError):
                domain.destroy()


def states(site: Site, domains: list[libvirt.virDomain]) -> dict[str, str]:
    """What the site says of these domains, by name on the host."""
    items = site.api("GET", "vms?limit=200")["items"]
    names = {domain.name() for domain in domains}
    return {vm["name"]: vm["state"] for vm in items if vm["name"] in names}


def said(site: Site, event: str) -> int:
    """How many lines of the log are about that."""
    return len(re.findall(rf"\] {event}\s", site.log()))


def status_of(site: Site, name: str) -> str:
    hosts = {host["name"]: host["status"] for host in site.api("GET", "hosts")["items"]}
    return str(hosts.get(name, ""))


def add_host(site: Site, name: str, uri: str) -> None:
    site.manage("shell", "-c", ADD_HOST.format(name=name, uri=uri))


def own_host(site: Site) -> str:
    return str(site.api("GET", "hosts")["items"][0]["name"])


def test_a_libvirtd_that_goes_and_comes_back_under_an_open_page(
    tmp_path: Path, virsh: libvirt.virConnect
) -> None:
    path = tmp_path / "libvirt-sock"
    with contextlib.ExitStack() as stack:
        with Wire(path) as wire:
            site = stack.enter_context(running_site(uri=wire.uri, **SETTINGS))
            near = own_host(site)
            add_host(site, "other", "test:///default")
            (domain,) = stack.enter_context(guests(site, virsh, 1))
            page = stack.enter_context(opened(stack.enter_context(visiting(site))))
            vm_id = domain.UUIDString()
            page.hear_of({vm_id})
            wait_until(lambda: status_of(site, "other") == "connected", limit_s=10)
            connects = said(site, "host-connected")
        page.next("numbers", lambda message: message["vms"].get(vm_id) == [None] * 7)
        wait_until(lambda: status_of(site, near) == "away", limit_s=15)
        domain.resume()  # nobody tells the site
        list(page.messages(8 * INTERVAL_S))
        assert said(site, "host-away") == 1
        assert "Traceback" not in site.log()
        assert status_of(site, "other") == "connected"
        assert states(site, [domain]) == {domain.name(): "paused"}
        stack.enter_context(Wire(path))
        page.next("host", limit_s=40)
        page.next("numbers", lambda message: vm_id in message["vms"], limit_s=30)
        wait_until(lambda: states(site, [domain]) == {domain.name(): "running"}, limit_s=10)
        assert said(site, "host-away") == 1
        assert said(site, "host-connected") == connects + 1


def test_a_host_that_never_answers_beside_a_healthy_one(virsh: libvirt.virConnect) -> None:
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        site = stack.enter_context(running_site(**SETTINGS))
        (domain,) = stack.enter_context(guests(site, virsh, 1))
        visitor = stack.enter_context(visiting(site))
        page = stack.enter_context(opened(visitor))
        page.show()
        add_host(site, "silent", f"qemu+tcp://127.0.0.1:{silent.getsockname()[1]}/system")
        page.next("host", limit_s=30)
        wait_until(lambda: status_of(site, "silent") == "away", limit_s=30)
        list(page.messages(0.1))
        ticks = (each for each in page.messages(20 * INTERVAL_S) if each["t"] == "numbers")
        assert len(list(itertools.islice(ticks, 6))) == 6
        visitor.close()  # kept too long; it connects anew
        assert max(visitor.get("/").took_s for _ in range(10)) < 1
        domain.resume()
        wait_until(lambda: states(site, [domain]) == {domain.name(): "running"}, limit_s=1)
        assert said(site, "host-away") == 1
        assert "Traceback" not in site.log()
        assert site.stop() < 5


@pytest.fixture(scope="module")
def quick_site() -> Iterator[Site]:
    """A site that samples twice a second."""
    with running_site(**SETTINGS) as site:
        yield site


@pytest.fixture(scope="module")
def visitor(quick_site: Site) -> Iterator[Visitor]:
    """Its administrator."""
    with visiting(quick_site) as visitor:
        yield visitor


def test_a_thousand_lifecycle_events_end_in_rows_that_are_right(
    quick_site: Site, visitor: Visitor, virsh: libvirt.virConnect
) -> None:
    site = quick_site
    with guests(site, virsh, 4) as domains, opened(visitor) as page:
        lines = len(site.log().splitlines())
        for _ in range(125):
            for domain in domains:
                domain.resume()
                domain.suspend()
        domains[0].resume()
        expected = {domain.name(): "paused" for domain in domains} | {domains[0].name(): "running"}
        wait_until(lambda: states(site, domains) == expected, limit_s=3)
        own = {domain.UUIDString() for domain in domains}
        hints = [
            message
            for message in page.messages(3 * INTERVAL_S)
            if message["t"] == "vm" and message["id"] in own
        ]
        told = {message["id"]: message["rev"] for message in hints}
        assert told == {vm_id: site.api("GET", f"vms/{vm_id}")["revision"] for vm_id in own}
        assert len(site.log().splitlines()) - lines <= 3, site.log()[-3000:]


def test_a_socket_cut_twenty_times_is_told_everything_each_time_and_leaks_nothing(
    quick_site: Site, visitor: Visitor, virsh: libvirt.virConnect
) -> None:
    site = quick_site
    with guests(site, virsh, 2) as domains, opened(visitor) as steady:
        own = {domain.UUIDString() for domain in domains}
        steady.hear_of(own)

        def open_files() -> int:
            return len(list(Path(f"/proc/{site.pid}/fd").iterdir()))

        def sockets() -> float:
            with urllib.request.urlopen(f"{site.url}/metrics", timeout=5) as answer:
                text = answer.read().decode()
            return float(text.partition("\nkvmweb_status_sockets ")[2].split()[0])

        assert sockets() == 1
        files, threads = open_files(), len(list(Path(f"/proc/{site.pid}/task").iterdir()))
        for _ in range(20):
            with opened(visitor) as page:
                assert own <= page.show().keys()
                page.cut()
        wait_until(lambda: sockets() == 1, limit_s=10)
        wait_until(lambda: open_files() <= files + 2, limit_s=10)
        assert len(list(Path(f"/proc/{site.pid}/task").iterdir())) <= threads + 4
        steady.next("numbers")
        steady.line.close()
        wait_until(lambda: sockets() == 0, limit_s=10)
        assert "Traceback" not in site.log()
