"""Charts in a real browser: drawn, one crosshair over all, the span in the address, live."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.site import Site, running_site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site of its own."""
    with running_site() as running:
        yield running


@pytest.fixture(scope="module")
def guest_id(site: Site) -> str:
    """A guest with a year behind it."""
    made = str(site.create("long lived")["id"])
    site.manage("shell", "-c", f"from tests.support import past; past.invent({made!r})")
    return made


def test_charts_are_drawn_share_a_crosshair_and_keep_their_span(admin_page, guest_id):
    page = admin_page
    page.goto(f"/guests/{guest_id}/charts/")
    expect(page.locator(".uplot canvas")).to_have_count(4)
    page.get_by_role("link", name="Week").click()
    expect(page).to_have_url(re.compile(r"\?span=week$"))
    expect(page.get_by_role("link", name="Week")).to_have_attribute("aria-current", "true")
    row = page.get_by_role("row", name="CPU, used")
    expect(row.get_by_role("cell")).to_have_text([re.compile(r"^[\d.]+ %$")] * 3)
    page.locator("[data-chart=cpu] .u-over").hover()
    expect(page.locator(".chart-at")).to_contain_text("UTC")
    places = page.locator(".u-cursor-x").evaluate_all(
        "lines => lines.map(line => Math.round(line.getBoundingClientRect().x"
        " - line.parentElement.getBoundingClientRect().x))"
    )
    assert max(places) - min(places) <= 1
    assert min(places) > 0
    page.reload()
    expect(page.get_by_role("link", name="Week")).to_have_attribute("aria-current", "true")


def test_the_crosshair_obeys_keys_and_is_read_out(admin_page, guest_id):
    page = admin_page
    page.goto(f"/guests/{guest_id}/charts/?span=week")
    expect(page.locator(".uplot canvas")).to_have_count(4)
    page.get_by_role("group", name=re.compile("^Charts")).focus()
    page.keyboard.press("Home")
    spoken = page.locator("[data-spoken]")
    expect(spoken).to_contain_text(re.compile(r"UTC; CPU: used .*Network I/O: received .+ sent"))
    first = page.locator(".chart-at").text_content()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".chart-at")).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(page.locator(".chart-at")).to_have_text("")
    expect(spoken).to_have_text("")


def test_numbers_that_cannot_be_loaded_are_told_and_tried_again(admin_page, guest_id):
    page, refused = admin_page, []

    def cut(route):
        if len(refused) < 2:
            refused.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/series/"), cut)
    page.goto(f"/guests/{guest_id}/charts/")
    expect(page.get_by_role("heading", name="The numbers cannot be loaded now")).to_be_visible()
    expect(page.locator(".uplot canvas")).to_have_count(4)
    expect(page.locator("[data-failed]")).to_be_hidden()


def test_the_hour_goes_on_live(admin_page, guest_id):
    page = admin_page
    page.goto(f"/guests/{guest_id}/charts/")
    memory = page.locator("[data-chart=mem] [data-line=memory_total_mib] b")
    # The invented past has 512 MiB; what is measured now is something else.
    expect(memory).not_to_have_text(re.compile("512|–"))


def test_the_csv_file_is_the_span_that_is_shown(admin_page, guest_id):
    page = admin_page
    page.goto(f"/guests/{guest_id}/charts/?span=month")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename == "guest-long lived-month.csv"


def test_a_guest_without_a_past_says_when_it_begins(admin_page, site):
    made = site.create("newborn", is_started=False)["id"]
    admin_page.goto(f"/guests/{made}/charts/")
    expect(admin_page.locator("[data-empty]")).to_contain_text("first full minute")


def test_the_host_has_charts_too(admin_page, guest_id):
    admin_page.goto("/host/?span=day")
    expect(admin_page.locator("[data-charts=host] .uplot canvas")).to_have_count(4)


def test_the_disk_and_network_of_the_host_go_on_live(admin_page, guest_id):
    page = admin_page

    def without_rates(route):
        answer = route.fetch()
        series = answer.json()
        for column, values in series["columns"].items():
            if column.endswith("_bps"):
                series["columns"][column] = [None] * len(values)
        route.fulfill(response=answer, json=series)

    page.route(re.compile(r"/series/"), without_rates)
    page.goto("/host/?span=hour")
    for line in ("disk_write_bps", "net_rx_bps"):
        expect(page.locator(f"[data-line={line}] b")).to_have_text(re.compile(r"[KMG]iB/s$"))
