"""Many guests in a real browser: find, order, tag, pause together, hide columns, cancel a job."""

from __future__ import annotations

import re

import libvirt
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.site import wait_until

NAMES = ("web #1 <b>", "web #2", "db")


@pytest.fixture(scope="module")
def guests(site) -> dict[str, str]:
    """Three guests by name: two run, the last is off."""
    return {
        name: site.create(name, memory_mib=128, is_started=name != "db")["id"] for name in NAMES
    }


@pytest.fixture
def page(admin_page: Page, guests) -> Page:
    """The guests of this site alone; others may be on the same host."""
    admin_page.goto("/?q=template:tiny&sort=name")
    expect(rows(admin_page)).to_have_count(3)
    return admin_page


def rows(page: Page) -> Locator:
    return page.locator("#guest-rows > [data-name]")


def shown(page: Page) -> list[str]:
    return rows(page).evaluate_all("all => all.map((row) => row.dataset.name)")


def row(page: Page, vm_id: str) -> Locator:
    return page.locator(f"#g-{vm_id}").first


def test_typing_filters_and_the_address_brings_it_back(page):
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.locator("#filter").fill("template:tiny web")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#filter-count")).to_have_text(re.compile(r"^2 of \d+ guests$"))
    page.reload()
    expect(page.locator("#filter")).to_have_value("template:tiny web")
    expect(rows(page)).to_have_count(2)
    page.goto("/host/")
    page.go_back()
    expect(rows(page)).to_have_count(2)


def test_what_is_typed_before_the_script_has_come_filters_too(page):
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/guests[^/]*\.js"), hold)
    page.reload(wait_until="commit")
    page.locator("#filter").fill("template:tiny name:db")
    expect(rows(page)).to_have_count(3)
    page.wait_for_function("document.readyState === 'interactive'")
    for route in held:
        route.continue_()
    expect(rows(page)).to_have_count(1)
    assert "name%3Adb" in page.url


def test_wrong_filter_is_told_and_what_was_typed_stays(page):
    page.locator("#filter").fill("template:tiny sate:off")
    expect(page.locator("#filter-problem")).to_contain_text("“sate:” is not known")
    expect(page.locator("#filter")).to_have_value("template:tiny sate:off")
    expect(page.locator("#filter")).to_have_attribute("aria-invalid", "true")
    page.locator("#filter").fill("template:tiny state:off")
    expect(page.locator("#filter-problem")).to_be_hidden()
    expect(rows(page)).to_have_count(1)


def test_chips_change_the_search_by_keyboard_too(page):
    page.locator("#chip-state").focus()
    page.keyboard.press("Enter")
    menu = page.locator("#chip-menu")
    expect(menu.get_by_role("menuitemradio", name="any")).to_be_focused()
    menu.get_by_role("menuitemradio", name="off").click()
    expect(page.locator("#filter")).to_have_value("template:tiny state:off")
    expect(page.locator("#chip-state b")).to_have_text("off")
    expect(rows(page)).to_have_count(1)


def has_cpu(site, vm_id: str) -> bool:
    numbers = site.api("GET", f"vms/{vm_id}")["numbers"]
    return numbers is not None and numbers["cpu_percent"] is not None


def test_heads_order_the_list_and_it_is_remembered(page, guests, site):
    expect(page.locator("[data-head=name]")).to_have_attribute("aria-sort", "ascending")
    assert shown(page) == ["db", "web #1 <b>", "web #2"]
    with page.expect_response(re.compile("guests/order/")):
        page.locator("[data-head=name] button").click()
    expect(page.locator("[data-head=name]")).to_have_attribute("aria-sort", "descending")
    assert shown(page) == ["web #2", "web #1 <b>", "db"]
    page.goto("/?q=template:tiny")
    assert shown(page) == ["web #2", "web #1 <b>", "db"]
    wait_until(lambda: all(has_cpu(site, guests[name]) for name in NAMES[:2]))
    page.locator("[data-head=cpu] button").click()
    expect(page.locator("[data-head=cpu]")).to_have_attribute("aria-sort", "descending")
    assert shown(page)[-1] == "db"


COUNT = """id => {
    window.moved = 0;
    window.ticks = 0;
    const count = (name) => new MutationObserver(() => { window[name] += 1; });
    count("moved").observe(document.getElementById("guest-rows"), {childList: true});
    const line = document.querySelector(`#g-${id} [data-gauge=cpu] .line`);
    count("ticks").observe(line, {attributeFilter: ["d"]});
}"""
"""Count how often rows move, and the ticks that a sparkline draws."""


def test_rows_never_move_under_the_pointer(page, guests, site):
    """Ordered by a number, the list stands still through more ticks than it takes to move."""
    wait_until(lambda: all(has_cpu(site, guests[name]) for name in NAMES[:2]))
    page.locator("[data-head=cpu] button").click()
    expect(page.locator("[data-head=cpu]")).to_have_attribute("aria-sort", "descending")
    page.locator("#guest-rows").hover()
    page.evaluate(COUNT, guests["web #2"])
    wait_until(lambda: page.evaluate("window.ticks") >= 4)
    assert page.evaluate("window.moved") == 0


def test_tags_are_edited_in_place(page, guests, site):
    target = row(page, guests["db"])
    target.hover()
    target.get_by_label("Tags of db").click()
    field = page.locator("#tag-menu #tag-input")
    expect(field).to_be_focused()
    field.fill("prod")
    field.press("Enter")
    expect(target.locator(".g-tags .tag")).to_have_text(["prod"])
    field.fill('wrong "one"')
    field.press("Enter")
    expect(page.locator("#tag-error")).to_contain_text("without commas and quotes")
    expect(field).to_have_value('wrong "one"')
    page.keyboard.press("Escape")
    target.locator(".g-tags .tag").click()
    expect(page.locator("#filter")).to_have_value("tag:prod")
    expect(rows(page)).to_have_count(1)
    assert site.api("GET", f"vms/{guests['db']}")["tags"] == ["prod"]


def pick(page: Page, vm_id: str, **options) -> None:
    row(page, vm_id).locator(".g-pick input").click(**options)


def state(virsh: libvirt.virConnect, vm_id: str) -> int:
    return virsh.lookupByUUIDString(vm_id).state()[0]


def test_two_real_guests_are_paused_and_each_result_is_told(page, guests, virsh):
    pick(page, guests["db"])
    pick(page, guests["web #2"], modifiers=["Shift"])
    expect(page.locator("#bulk-count")).to_have_text("3 chosen")
    page.locator("#bulk").get_by_role("button", name="Pause").click()
    panel = page.locator(".bulk-panel")
    expect(panel).to_contain_text("Pause: 2 done, 1 not done", timeout=20_000)
    expect(panel.locator("li.is-bad")).to_have_text(re.compile("db.*The guest is off"))
    expect(panel.locator("li.is-good")).to_have_count(2)
    for name in NAMES[:2]:
        assert state(virsh, guests[name]) == libvirt.VIR_DOMAIN_PAUSED
        expect(row(page, guests[name])).to_have_attribute("data-state", "paused")
    # What was not done stays chosen.
    expect(page.locator("#bulk-count")).to_have_text("1 chosen")
    page.locator("#bulk-clear").click()
    for name in NAMES[:2]:
        pick(page, guests[name])
    page.locator("#bulk").get_by_role("button", name="Resume").click()
    expect(panel).to_contain_text("Resume: 2 done", timeout=20_000)
    expect(page.locator("#bulk")).to_be_hidden()
    assert state(virsh, guests[NAMES[0]]) == libvirt.VIR_DOMAIN_RUNNING


def test_bulk_delete_names_what_goes_and_escape_keeps_it(page, guests, virsh):
    pick(page, guests["db"])
    page.locator("#bulk").get_by_role("button", name="Delete…").click()
    sheet = page.locator("#sheet")
    expect(sheet).to_contain_text("Delete 1 guest?")
    expect(sheet.locator(".bulk-list b")).to_have_text(["db"])
    expect(sheet.locator(".bulk-list")).to_contain_text(guests["db"])
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert guests["db"] in {domain.UUIDString() for domain in virsh.listAllDomains()}


def test_columns_are_chosen_and_remembered(page, guests):
    page.get_by_label("Columns", exact=True).first.click()
    menu = page.locator("#columns-menu")
    menu.get_by_label("Disk I/O").uncheck()
    menu.get_by_label("Network I/O").uncheck()
    menu.get_by_role("button", name="Show these").click()
    expect(page.locator("[data-head=disk]")).to_have_count(0)
    expect(page.locator("[data-head=cpu]")).to_have_count(1)
    page.reload()
    expect(row(page, guests["web #2"]).locator("[data-gauge]")).to_have_count(2)
    page.get_by_label("Columns", exact=True).first.click()
    for box in menu.get_by_role("checkbox").all():
        box.check()
    menu.get_by_role("button", name="Show these").click()
    expect(page.locator("[data-head=disk]")).to_have_count(1)


def test_address_is_copied_with_one_click(page, guests):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = row(page, guests["web #2"]).locator(".g-ip button")
    expect(button).to_be_visible(timeout=60_000)
    button.click()
    expect(page.locator("#toasts")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == button.inner_text().strip()


def test_job_is_cancelled_from_the_task_bar_and_its_end_is_told(page, site):
    """A job of a guest that is being made is shown with progress, and its row goes with it."""
    made = site.create("to be cancelled", wait=False)
    button = page.locator("#jobs-button")
    button.click()
    job = page.locator("#jobs-menu .job", has_text="to be cancelled")
    cancel = job.get_by_role("button", name=re.compile("^Cancel"))
    if cancel.count():  # else it has ended already: making one takes less than a second
        cancel.click()
    wait_until(
        lambda: (
            not site.api("GET", f"vms?q=uuid:{made['id']}")["items"]
            or site.api("GET", f"vms/{made['id']}")["job"] is None
        )
    )
    expect(job.get_by_text(re.compile("succeeded|Cancelled"))).to_be_visible(timeout=20_000)
    job.get_by_role("button", name=re.compile("^Dismiss")).click()
    expect(job).to_have_count(0)
