"""A console is recorded, everybody is told, and the replay ends with the picture that was seen."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.support.pictures import likeness, lit
from tests.support.site import Site, wait_until

from .test_console import open_console, rows, type_text
from .test_newcomer import picture


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    """A guest that has booted and says nothing more by itself."""
    vm_id = str(site.create("on film")["id"])
    wait_until(lambda: site.api("GET", f"vms/{vm_id}")["addresses"], limit_s=120, what="an address")
    return vm_id


def record(page: Page, what: str) -> None:
    page.locator("#record").click()
    page.get_by_role("menuitem", name=f"Record: {what}").click()
    expect(page.locator("#console-recording .tag-rec")).to_be_visible(timeout=10_000)


def ended(site: Site, guest: str, kind: str) -> dict:
    """The latest recording of that kind, once it has ended."""

    def found() -> dict | None:
        items = site.api("GET", f"recordings?vm={guest}")["items"]
        latest = next((each for each in items if each["kind"] == kind), None)
        return latest if latest and latest["state"] == "ended" else None

    return wait_until(found, limit_s=20, what=f"a recording of {kind} that has ended")


def played(page: Page, recording: dict) -> None:
    """Replay at sixteen times the speed until the end."""
    page.goto(f"/recordings/{recording['id']}/")
    expect(page.locator("#player-cover")).to_be_hidden(timeout=10_000)
    page.locator("#speed").select_option("16")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false", timeout=60_000)
    expect(page.locator("#player")).to_have_attribute("data-settled", "true")


def test_the_replay_of_a_screen_ends_with_the_picture_that_was_live(
    admin_page, site, guest, browser, admin_state
) -> None:
    page = admin_page
    open_console(page, guest)
    record(page, "Screen")
    type_text(page, "root\n")
    other = browser.new_context(storage_state=admin_state, base_url=site.url)
    try:
        watcher = other.new_page()
        open_console(watcher, guest)
        expect(watcher.locator("#console-recording")).to_contain_text("is recorded")
        expect(page.locator("#control")).to_contain_text("Take control")
    finally:
        other.close()
    expect(page.locator("#control")).to_contain_text("Watch only")  # control comes back
    type_text(page, "clear; printf '\\033[?25l'; ls -l / ; echo this-is-the-end\n")
    live = still_picture(page)
    assert lit(live) > 0.003
    page.locator("#record").click()
    page.get_by_role("menuitem", name="Stop recording: Screen").click()
    expect(page.locator("#console-recording .tag-rec")).to_have_count(0, timeout=10_000)
    recording = ended(site, guest, "vnc")
    assert recording["reason"] == "stopped"
    assert recording["by"] == "admin"
    assert recording["size_bytes"] > 1000
    played(page, recording)
    shown = page.evaluate("document.querySelector('#film canvas').toDataURL('image/png')")
    replayed = decoded(shown)
    assert likeness(live, replayed) == 1.0
    assert live.tobytes() == replayed.tobytes()
    # Going back shows what was before, and going forth the end again.
    go_to(page, 0)
    assert likeness(live, canvas(page)) < 1.0
    go_to(page, recording["duration_ms"])
    assert canvas(page).tobytes() == live.tobytes()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download").click()
    name = saving.value.suggested_filename
    assert re.fullmatch(r".+-\d{8}-\d{6}\.kvmrfb", name)
    assert saving.value.path().stat().st_size == recording["size_bytes"]


def test_the_dot_appears_by_itself_where_a_guest_is_always_recorded(
    admin_page, site, guest, browser
) -> None:
    site.api("PUT", f"vms/{guest}/recording-policy", {"policy": "always"})
    end = datetime.now(UTC) + timedelta(hours=1)
    wish = {"name": "Support", "expires_at": end.isoformat()}
    link = site.api("POST", f"vms/{guest}/console-links", wish)
    visitor = browser.new_context(base_url=site.url).new_page()
    try:
        open_console(admin_page, guest)
        expect(admin_page.locator("#console-recording .tag-rec")).to_be_visible()
        visitor.goto(link["url"])
        expect(visitor.locator("#recorded")).to_be_visible(timeout=20_000)
    finally:
        visitor.context.close()
        site.api("PUT", f"vms/{guest}/recording-policy", {"policy": "request"})


def still_picture(page: Page):
    """What the console shows once the guest draws no more."""
    seen = [picture(page)]

    def is_still() -> bool:
        seen.append(picture(page))
        return len(seen) > 20 and all(each.tobytes() == seen[-1].tobytes() for each in seen[-20:])

    wait_until(is_still, limit_s=30, what="a picture that stands still")
    return seen[-1]


def go_to(page: Page, ms: int) -> None:
    page.locator("#seek").evaluate(
        "(seek, ms) => { seek.value = ms; seek.dispatchEvent(new Event('input')); }", ms
    )
    expect(page.locator("#player")).to_have_attribute("data-settled", "true")


def decoded(url: str):
    import base64
    from io import BytesIO

    from PIL import Image

    return Image.open(BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")


def canvas(page: Page):
    return decoded(page.evaluate("document.querySelector('#film canvas').toDataURL('image/png')"))


def test_a_serial_port_is_recorded_as_asciicast_and_shown_again(admin_page, site, guest) -> None:
    page = admin_page
    page.goto(f"/guests/{guest}/console/#serial-0")
    expect(page.locator("#screen-serial-0 .screen-cover")).to_be_hidden(timeout=20_000)
    record(page, "Serial")
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.press("Enter")
    wait_until(lambda: "login:" in rows(page), limit_s=60, what="a prompt")
    page.keyboard.type("root\n")
    wait_until(lambda: "#" in rows(page), limit_s=20)
    page.keyboard.type("echo gr\u00fc\u00dfe-$((40+2)); exit\n")
    wait_until(lambda: "gr\u00fc\u00dfe-42" in rows(page), limit_s=20)
    page.locator("#record").click()
    page.get_by_role("menuitem", name="Stop recording: Serial").click()
    recording = ended(site, guest, "serial")
    address = f"{site.url}/recordings/{recording['id']}/file"
    assert page.request.get(address).status == 403  # not unseen, by its address alone
    token = {"Authorization": f"Bearer {site.token}"}
    response = page.request.get(address.replace("/rec", "/api/v1/rec"), headers=token)
    head, *lines = response.text().splitlines()
    assert json.loads(head)["version"] == 2
    said = "".join(json.loads(line)[2] for line in lines)
    assert "gr\u00fc\u00dfe-42" in said
    played(page, recording)
    wait_until(lambda: "gr\u00fc\u00dfe-42" in rows(page), limit_s=10, what="what was said, again")
    page.goto(f"/guests/{guest}/recordings/")
    lines_before = page.locator("#guest-recordings tbody tr").count()
    page.get_by_role("button", name=re.compile("Delete the recording")).first.click()
    page.get_by_role("button", name="Delete", exact=True).last.click()
    expect(page.locator("#guest-recordings tbody tr")).to_have_count(lines_before - 1)
    assert page.request.get(address).status == 404
