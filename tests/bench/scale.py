"""What the live engine costs at scale: 60 real guests, and 1000 of libvirt's test driver whose
numbers are made up, with 200 open dashboards, and with one in Chromium.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt

from tests.bench.guest_list import node_xml
from tests.bench.procs import cpu_s, rss_bytes
from tests.bench.scale_browser import browser_rows
from tests.bench.table import Row, ms, p95, spread
from tests.support.site import ROOT, Site, running_site, sweep, wait_until
from vms.hypervisor.stats import GROUPS

REAL_GUESTS = 60
REAL_WINDOW_S = 24.0
CALLS = 15
GUESTS = 1000
SOCKETS = 200
WINDOW_S = 20.0
SETTLE_S = 8.0
GOAL_CORE = 1.0
GOAL_LATENCY_S = 0.2
GOAL_SOCKET_KB = 100
GUEST_XML = (
    "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64'>hvm</type></os></domain>"
)
PEOPLE = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from importlib import import_module
from vms.models import VM, User
store = import_module(settings.SESSION_ENGINE).SessionStore
ids = list(VM.objects.order_by("pk").values_list("pk", flat=True))
cookies = []
for turn in range(2):
    user = User.objects.create_user(username=f"bench-{turn}", password=None)
    VM.objects.filter(pk__in=ids[turn::2]).update(owner=user)
    for _ in range(__EACH__):
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        cookies.append(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
print("COOKIES", *cookies)
"""


def measure() -> Iterator[Row]:
    """Give the rows of real guests, of many sockets and of the browser."""
    yield from real_rows()
    with many_guests() as (site, ticks):
        yield from socket_rows(site, ticks)
    with many_guests() as (site, _ticks):
        yield from browser_rows(site, GUESTS)


def real_rows() -> Iterator[Row]:
    """Sixty paused guests of QEMU: the bulk call alone, and whole ticks of the server."""
    with running_site() as site, real_guests(site, REAL_GUESTS, GUEST_XML, is_paused=True):
        wait_until(lambda: site.api("GET", "vms?limit=1")["total"] >= REAL_GUESTS, limit_s=30)
        calls_s = stats_calls()
        before, used_s = ticks_so_far(site), cpu_s(site.pid)
        threading.Event().wait(REAL_WINDOW_S)
        after, used_s = ticks_so_far(site), cpu_s(site.pid) - used_s
    count, took_s = after[0] - before[0], after[1] - before[1]
    yield Row(
        f"{REAL_GUESTS} QEMU guests: getAllDomainStats, one call for all",
        spread(calls_s),
    )
    yield Row(
        "... a whole tick of the server: measured, counted, published",
        f"mean {ms(took_s / count)} ms; {ms(used_s / count)} ms of CPU for everything it does",
    )


@contextlib.contextmanager
def real_guests(site: Site, count: int, xml_form: str, *, is_paused: bool) -> Iterator[None]:
    """Start so many guests through libvirt; they are gone at the end whatever happens."""
    connection = libvirt.open("qemu:///system")
    started: list[libvirt.virDomain] = []
    try:
        flags = libvirt.VIR_DOMAIN_START_AUTODESTROY
        flags |= libvirt.VIR_DOMAIN_START_PAUSED if is_paused else 0
        for number in range(count):
            xml = xml_form.format(name=f"{site.name}-{number}")
            started.append(connection.createXML(xml, flags))
        yield
    finally:
        for domain in started:
            with contextlib.suppress(libvirt.libvirtError):
                domain.destroy()
        connection.close()


def stats_calls() -> list[float]:
    """Time the call that the sampler makes."""
    connection = libvirt.open("qemu:///system")
    took_s = []
    try:
        for _ in range(CALLS):
            began_s = time.perf_counter()
            connection.getAllDomainStats(GROUPS, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT)
            took_s.append(time.perf_counter() - began_s)
    finally:
        connection.close()
    return took_s


def ticks_so_far(site: Site) -> tuple[float, float]:
    """Ask /metrics how many ticks there were and how many seconds they took."""
    with urllib.request.urlopen(f"{site.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()

    def value(name: str) -> float:
        found = re.search(
            rf"^kvmweb_sampler_tick_seconds_{name}{{[^}}]*}} (\S+)", text, re.MULTILINE
        )
        assert found, name
        return float(found[1])

    return value("count"), value("sum")


@contextlib.contextmanager
def many_guests() -> Iterator[tuple[Site, Path]]:
    """A site with a thousand guests that all are busy, and the file with the time of its ticks."""
    sweep()
    with tempfile.TemporaryDirectory(prefix="kvmweb-bench-") as folder:
        node, ticks = Path(folder) / "node.xml", Path(folder) / "ticks"
        node.write_bytes(node_xml(GUESTS, every_third_off=False))
        site = Site(uri=f"test://{node}", BENCH_TICKS=str(ticks))
        site.command = [sys.executable, "-m", "tests.bench.scale_server", "serve"]
        try:
            site.set_up()
            site.start()
            wait_until(lambda: site.api("GET", "vms?limit=1")["total"] == GUESTS, limit_s=60)
            yield site, ticks
        finally:
            site.remove()


def socket_rows(site: Site, ticks: Path) -> Iterator[Row]:
    """Two hundred sockets, each of somebody who sees half of the guests."""
    printed = site.manage("shell", "-c", PEOPLE.replace("__EACH__", str(SOCKETS // 2)))
    cookies = printed.partition("COOKIES ")[2].split()
    threading.Event().wait(SETTLE_S)
    alone_s, memory = used(site), rss_bytes(site.pid)
    with clients(site, cookies) as lines:
        next(lines)
        memory = (rss_bytes(site.pid) - memory) // SOCKETS
        ticks.write_text("")
        before_s, began_s = cpu_s(site.pid), time.monotonic()
        seen = next(lines)
        busy = (cpu_s(site.pid) - before_s) / (time.monotonic() - began_s)
    published = [float(line) for line in ticks.read_text().split()]
    yield Row(f"{GUESTS} busy guests: numbers to text and away, one tick", spread(published))
    yield Row(
        f"{SOCKETS} dashboards of {GUESTS // 2} busy guests: CPU of the server",
        f"{busy:.0%} of a core ({alone_s:.0%} without them)",
        "< 100 %",
        busy < GOAL_CORE,
    )
    latencies_s = seen["latencies_s"]
    size = seen["bytes"] / max(1, seen["frames"]) / 1000
    yield Row(
        "... from sample to socket",
        f"{spread(latencies_s)} ({len(latencies_s)} frames of {size:.0f} kB)",
        f"p95 < {ms(GOAL_LATENCY_S)} ms",
        p95(latencies_s) < GOAL_LATENCY_S,
    )
    yield Row(
        "... memory for each socket",
        f"{memory / 1000:.0f} kB",
        f"< {GOAL_SOCKET_KB} kB",
        memory / 1000 < GOAL_SOCKET_KB,
    )


def used(site: Site) -> float:
    """Return which part of a core the server takes."""
    before_s = cpu_s(site.pid)
    threading.Event().wait(WINDOW_S / 2)
    return (cpu_s(site.pid) - before_s) / (WINDOW_S / 2)


@contextlib.contextmanager
def clients(site: Site, cookies: list[str]) -> Iterator[Iterator[dict[str, Any]]]:
    """Open a socket with each cookie, in a process of its own; give what that process says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scale_clients", site.url, str(WINDOW_S)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write("\n".join(cookies))
        process.stdin.close()
        yield (json.loads(line) for line in process.stdout)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
