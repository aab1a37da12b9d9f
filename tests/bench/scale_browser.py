"""The guest list at scale in Chromium: how soon it can be used, what it takes while it moves."""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections.abc import Iterator

from playwright.sync_api import CDPSession, Page, ViewportSize

from tests.bench.table import Row, ms
from tests.bench.visitor import Visitor
from tests.support.browser import chromium
from tests.support.site import Site

LOADS = 5
WINDOW_S = 10.0
SETTLE_S = 6.0
GOAL_READY_S = 1.0
GOAL_CPU = 0.2
READY = """() => new Promise((resolve) => {
  requestIdleCallback(() => resolve(performance.now() / 1000));
})"""
"""Everything that the load has set in motion is done: the page answers to a click at once."""


def browser_rows(site: Site, guests: int) -> Iterator[Row]:
    """Load the landing page a few times, then leave it open while all numbers change."""
    with visiting(site, {"width": 1400, "height": 900}) as page:
        loads_s = [load(page, site.url) for _ in range(LOADS + 1)][1:]
        yield Row(
            f"guest list of {guests} in Chromium: navigation to interactive",
            f"median {ms(statistics.median(loads_s))} ms",
            f"< {ms(GOAL_READY_S)} ms",
            statistics.median(loads_s) < GOAL_READY_S,
        )
        busy = page_cpu(page)
        yield Row(
            "... the page's thread while every number changes every 2 s",
            f"{busy:.1%} of a core",
            f"< {GOAL_CPU:.0%}",
            busy < GOAL_CPU,
        )


@contextlib.contextmanager
def visiting(site: Site, viewport: ViewportSize) -> Iterator[Page]:
    """A page in Chromium that somebody has logged in to."""
    visitor = Visitor(site)
    try:
        visitor.log_in()
        cookies = visitor.cookies()
    finally:
        visitor.close()
    with chromium() as browser:
        page = browser.new_page(viewport=viewport)
        page.context.add_cookies(
            [{"name": name, "value": value, "url": site.url} for name, value in cookies.items()]
        )
        yield page


def load(page: Page, url: str) -> float:
    """Load the page; return the seconds from the start of the navigation until it is idle."""
    page.goto(url, wait_until="load")
    took_s: float = page.evaluate(READY)
    return took_s


def page_cpu(page: Page) -> float:
    """Return which part of a core the page's main thread takes, as the DevTools protocol says."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    threading.Event().wait(SETTLE_S)
    before_s = task_duration_s(session)
    threading.Event().wait(WINDOW_S)
    return (task_duration_s(session) - before_s) / WINDOW_S


def task_duration_s(session: CDPSession) -> float:
    """Return the seconds of all tasks so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))
