"""Two hundred consoles on one process; and in Chromium, from a key to a pixel and from a click to a
picture.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import libvirt

from tests.bench.keypress import browser_rows
from tests.bench.procs import cpu_s, rss_bytes
from tests.bench.screens import TICKING, screens
from tests.bench.table import Row
from tests.support.site import ROOT, Site, running_site, wait_until

CONSOLES = 200
GUESTS = 20
WINDOW_S = 15.0
WANTED_RATE = 9.5
"""Of ten in a second."""


ANOTHER = "from vms.models import User; User.objects.create_user('second', role='administrator')"


def measure() -> Iterator[Row]:
    """Give the rows of many consoles, then those of one in a browser."""
    limits = {"KVMWEB_CONSOLE_MAX_PER_USER": str(CONSOLES + 10)}
    with running_site(**limits) as site, screens(site, TICKING, GUESTS) as guests:
        yield from many_rows(site, guests)
    with running_site() as site:
        yield from browser_rows(site)


def ticket(site: Site, vm_id: str, number: int) -> dict[str, Any]:
    """Get a ticket, for half of them as another administrator: nobody gets 200 in a minute."""
    if number == CONSOLES // 2:
        site.manage("shell", "-v", "0", "-c", ANOTHER)
        site.token = site.manage("create_token", "second").strip()
    return dict(site.api("POST", f"vms/{vm_id}/console"))


def many_rows(site: Site, guests: list[libvirt.virDomain]) -> Iterator[Row]:
    """Open them all and count the pictures that come."""
    ids = [guest.UUIDString() for guest in guests]
    wait_until(lambda: are_running(site, ids), limit_s=60, what="guests seen")
    memory, began_s = rss_bytes(site.pid), time.monotonic()
    tickets = [ticket(site, ids[number % GUESTS], number) for number in range(CONSOLES)]
    with clients(tickets) as lines:
        next(lines)
        opening_s = time.monotonic() - began_s
        before_s, began_s = cpu_s(site.pid), time.monotonic()
        seen = next(lines)
        busy = (cpu_s(site.pid) - before_s) / (time.monotonic() - began_s)
        memory = (rss_bytes(site.pid) - memory) // CONSOLES
    with clients([{"domain": ids[number % GUESTS]} for number in range(CONSOLES)]) as lines:
        next(lines)
        direct = statistics.median(next(lines)["rates"])
    rates = sorted(seen["rates"])
    rate, slowest = statistics.median(rates), rates[len(rates) // 20]
    mbps = seen["bytes"] / WINDOW_S / 1e6
    yield Row(
        f"{seen['open']} consoles at {GUESTS} guests: pictures in a second at each",
        f"median {rate:.1f}, 95 % have at least {slowest:.1f} ({mbps:.0f} MB/s in all);"
        f" {direct:.1f} without the site: {rate / direct:.2f}",
        f"{CONSOLES} open, median >= {WANTED_RATE}",
        seen["open"] == CONSOLES and rate >= WANTED_RATE,
    )
    yield Row(
        "... CPU and memory of the one process",
        f"{busy:.0%} of a core, {memory / 1000:.0f} kB for each; all open after {opening_s:.1f} s",
    )


def are_running(site: Site, ids: list[str]) -> bool:
    """Say whether the site has seen that all these guests run."""
    items = site.api("GET", "vms?limit=500")["items"]
    return set(ids) <= {vm["id"] for vm in items if vm["state"] == "running"}


@contextlib.contextmanager
def clients(consoles: list[dict[str, Any]]) -> Iterator[Iterator[dict[str, Any]]]:
    """Open each console, by its ticket or directly, in another process; give what that says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.console_clients", str(WINDOW_S)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write("\n".join(json.dumps(console) for console in consoles))
        process.stdin.close()
        yield (json.loads(line) for line in process.stdout)
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()
