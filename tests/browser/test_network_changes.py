"""A browser drops its requests when the network changes: every start of a guest does that to one
that runs on the host.
"""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

CHUNK = re.compile(r"/static/.*\.js")


def drop_once(page: Page, address: re.Pattern[str], count: int = 1) -> list[str]:
    """Fail the next requests for such addresses; give those that were dropped."""
    dropped: list[str] = []

    def decide(route: Route) -> None:
        if len(dropped) < count and "boot" not in route.request.url:
            dropped.append(route.request.url)
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route(address, decide)
    return dropped


def test_a_page_whose_scripts_were_dropped_is_loaded_anew(admin_page: Page) -> None:
    dropped = drop_once(admin_page, CHUNK)
    admin_page.goto("/host/")
    expect(admin_page.locator("#search")).to_be_visible()
    admin_page.locator("body").press("/")
    expect(admin_page.locator("#search")).to_be_focused()
    assert len(dropped) == 1


def test_a_page_whose_scripts_never_come_is_not_loaded_for_ever(admin_page: Page) -> None:
    dropped = drop_once(admin_page, re.compile(r"/static/kvmweb[^/]*\.js"), count=100)
    admin_page.goto("/host/")
    admin_page.wait_for_load_state("networkidle")
    assert len(dropped) == 2


def test_what_only_reads_is_asked_again(admin_page: Page, site) -> None:
    site.create("dropped", is_started=False)
    admin_page.goto("/")
    expect(admin_page.locator("#guest-rows > [data-name='dropped']")).to_be_visible()
    dropped = drop_once(admin_page, re.compile(r"/guests/index"))
    admin_page.locator("#filter").fill("name-of-nothing")
    expect(admin_page.locator("#guest-rows > [data-name]")).to_have_count(0)
    assert len(dropped) == 1
