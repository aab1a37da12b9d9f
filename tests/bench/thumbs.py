"""What live pictures cost: a page of fifty running guests, all of them on the screen at once."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from tests.bench.procs import cpu_s
from tests.bench.scale import real_guests
from tests.bench.scale_browser import visiting
from tests.bench.table import Row
from tests.support.site import Site, running_site, wait_until

GUESTS = 50
SETTLE_S = 45.0
"""So long the firmware of fifty guests looks for something to boot."""
WINDOW_S = 20.0
TALL = {"width": 1400, "height": 5000}
GUEST_XML = (
    "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64'>hvm</type></os><devices><video><model type='vga'/></video>"
    "<graphics type='vnc'><listen type='none'/></graphics></devices></domain>"
)
SHOWN = "document.querySelectorAll('img[data-shot][src]').length"


def measure() -> Iterator[Row]:
    """Give the rows of the server and of what libvirt and QEMU do for it."""
    with running_site() as site, real_guests(site, GUESTS, GUEST_XML, is_paused=False):
        wait_until(lambda: site.api("GET", "vms?limit=1")["total"] >= GUESTS, limit_s=30)
        threading.Event().wait(SETTLE_S)
        alone = shares(site)
        with visiting(site, TALL) as page:
            yield from page_rows(site, page, alone)


def page_rows(site: Site, page: Page, alone: tuple[float, float]) -> Iterator[Row]:
    """Open the landing page, wait for all pictures, and compare with nobody looking."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site.url)
    page.wait_for_function(f"() => {SHOWN} >= {GUESTS}", timeout=60_000)
    asked.clear()
    server, others = shares(site, page)
    pictures = sum("/thumbnail" in url for url in asked) / WINDOW_S
    yield Row(
        f"{GUESTS} running guests on one page: CPU of the server for {pictures:.0f} pictures/s",
        f"{server:.0%} of a core ({alone[0]:.0%} while nobody looks)",
        "< 100 %",
        server < 1,
    )
    yield Row(
        "... of libvirtd, whose QEMUs take the pictures",
        f"{others:.0%} of a core ({alone[1]:.0%} while nobody looks)",
    )


def shares(site: Site, page: Page | None = None) -> tuple[float, float]:
    """Return which part of a core the server takes, and libvirtd, over the window."""
    pids = (site.pid, libvirtd())
    before, began_s = [cpu_s(pid) for pid in pids], time.monotonic()
    if page is None:
        threading.Event().wait(WINDOW_S)
    else:
        page.wait_for_timeout(WINDOW_S * 1000)
    passed_s = time.monotonic() - began_s
    server, daemon = [(cpu_s(pid) - was) / passed_s for pid, was in zip(pids, before, strict=True)]
    return server, daemon


def libvirtd() -> int:
    """Find the daemon that the guests run under."""
    for status in Path("/proc").glob("[0-9]*/comm"):
        if re.fullmatch(r"libvirtd|virtqemud", status.read_text().strip()):
            return int(status.parent.name)
    msg = "no libvirtd runs here"
    raise AssertionError(msg)
