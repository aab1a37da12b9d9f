"""How long a change made with virsh takes to an open page: the hint, the row, the painted row."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import statistics
import threading
import time
from collections.abc import Iterator

import libvirt
from playwright.sync_api import Page
from websockets.sync.client import ClientConnection

from tests.bench.booting import wait_for_boot
from tests.bench.table import Row, ms, p95, spread
from tests.bench.visitor import Visitor
from tests.support.browser import chromium
from tests.support.site import Site, running_site, wait_until

CHANGES = 60
PAINTED_CHANGES = 30
PAUSE_S = (0.15, 0.35)
GOAL_S = 0.150
LIMIT_S = 5.0

WATCH = """([id, wanted]) => {
  window.painted = new Promise((resolve) => {
    const look = () => {
      if (document.getElementById(`g-${id}`)?.dataset.state !== wanted) return false;
      seen.disconnect();
      const painted = () => resolve(performance.timeOrigin + performance.now());
      requestAnimationFrame(() => setTimeout(painted));
      return true;
    };
    const seen = new MutationObserver(look);
    seen.observe(document.body, {subtree: true, childList: true, attributes: true});
    look();
  });
}"""
"""The first moment after the frame in which the row shows the state: it is on the screen."""


def measure() -> Iterator[Row]:
    """Give a row for the hint, the row's HTML, and the row on the screen of a real browser."""
    with running_site() as site, libvirt_connection() as host:
        vm_id = str(site.create("watched")["id"])
        domain = host.lookupByUUIDString(vm_id)
        wait_for_boot(site, [vm_id])
        visitor = Visitor(site)
        try:
            visitor.log_in()
            yield from socket_rows(visitor, vm_id, domain)
            yield painted_row(site, visitor, vm_id, domain)
        finally:
            visitor.close()


@contextlib.contextmanager
def libvirt_connection() -> Iterator[libvirt.virConnect]:
    """The host as virsh has it."""
    connection = libvirt.open("qemu:///system")
    try:
        yield connection
    finally:
        connection.close()


def changes(count: int) -> Iterator[str]:
    """Give states to change to in turn, after pauses.

    These are random so that nothing that ticks is always met at the same moment.
    """
    pause = threading.Event().wait
    for number in range(count):
        pause(random.uniform(*PAUSE_S))
        yield "running" if number % 2 else "paused"


def change(domain: libvirt.virDomain, state: str) -> None:
    """Do what virsh suspend and virsh resume do."""
    if state == "paused":
        domain.suspend()
    else:
        domain.resume()


def socket_rows(visitor: Visitor, vm_id: str, domain: libvirt.virDomain) -> Iterator[Row]:
    """Measure at the socket and with the request that the page then makes, from before the call."""
    calls_s, hints_s, rows_s = [], [], []
    with visitor.status_socket() as socket:
        for state in changes(CHANGES):
            drain(socket)
            began_s = time.perf_counter()
            change(domain, state)
            calls_s.append(time.perf_counter() - began_s)
            hint_s, row_s = follow(visitor, socket, vm_id, state)
            hints_s.append(hint_s - began_s)
            rows_s.append(row_s - began_s)
    goal = f"p95 < {ms(GOAL_S)} ms"
    what = f"virsh suspend/resume ({ms(statistics.median(calls_s))} ms itself)"
    yield Row(f"{what} to hint on the status socket", spread(hints_s), goal, p95(hints_s) < GOAL_S)
    yield Row("... to the row's new HTML fetched", spread(rows_s), goal, p95(rows_s) < GOAL_S)


def drain(socket: ClientConnection) -> None:
    """Take what has come already."""
    with contextlib.suppress(TimeoutError):
        while True:
            socket.recv(timeout=0)


def follow(
    visitor: Visitor, socket: ClientConnection, vm_id: str, state: str
) -> tuple[float, float]:
    """Fetch the row at each hint, as the page does; return when the hint came that led to the new
    state, and when its row was there.
    """
    deadline_s = time.perf_counter() + LIMIT_S
    while True:
        message = json.loads(socket.recv(timeout=deadline_s - time.perf_counter()))
        hint_s = time.perf_counter()
        if message["t"] == "vm" and message["id"] == vm_id:
            row = visitor.get(f"/guests/rows/?view=list&id={vm_id}").body
            if f'data-state="{state}"' in row:
                return hint_s, time.perf_counter()


def painted_row(site: Site, visitor: Visitor, vm_id: str, domain: libvirt.virDomain) -> Row:
    """Measure with the landing page open in Chromium."""
    took_s = []
    with chromium() as browser:
        page = browser.new_page()
        page.context.add_cookies(
            [
                {"name": name, "value": value, "url": site.url}
                for name, value in visitor.cookies().items()
            ]
        )
        page.goto(site.url)
        page.wait_for_load_state("networkidle")
        assert page.locator(f"#g-{vm_id}").count() == 1, "the page shows no guest"
        warm_up(page, vm_id, domain)
        for state in changes(PAINTED_CHANGES):
            page.evaluate(WATCH, [vm_id, state])
            began_s = time.time()
            change(domain, state)
            took_s.append(page.evaluate("window.painted") / 1000 - began_s)
    return Row(
        "... to the row painted in an open Chromium",
        spread(took_s),
        f"p95 < {ms(GOAL_S)} ms",
        p95(took_s) < GOAL_S,
    )


def warm_up(page: Page, vm_id: str, domain: libvirt.virDomain) -> None:
    """Change the guest until the page follows: its socket may not be connected yet."""
    states = itertools.cycle(("paused", "running"))

    def follows() -> bool:
        state = next(states)
        change(domain, state)
        with contextlib.suppress(Exception):  # Playwright's time limit
            page.wait_for_selector(f'#g-{vm_id}[data-state="{state}"]', timeout=1000)
            return state == "running"
        return False

    wait_until(follows, limit_s=20, what="the page to follow")
