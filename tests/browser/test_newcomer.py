"""The first evening: log in, make a guest, sit at its screen, switch it off, delete it."""

from __future__ import annotations

import base64
import contextlib
import os
import re
from io import BytesIO

import libvirt
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.browser import type_keys
from tests.support.pictures import likeness, lit, screen_of
from tests.support.serial import Serial
from tests.support.site import wait_until

NAME = f"first <b>guest #1 ü {os.getpid()}"
"""Its own: other runs may meet this one on the same libvirtd, and every site lists every domain."""


def test_the_whole_path_of_a_newcomer(admin_page, site, virsh):
    page = admin_page
    vm_id = _create(page, site)
    _see_it_run(page, vm_id)
    domain = virsh.lookupByUUIDString(vm_id)
    _open_console(page, vm_id, domain)
    _type_a_command(page, domain)
    _follow_virsh(page, vm_id, domain)
    _delete(page, vm_id, virsh)


def _create(page: Page, site) -> str:
    page.goto("/")
    expect(page.get_by_text("No guest").or_(page.locator("#guest-rows")).first).to_be_attached()
    page.get_by_role("link", name="New guest").first.click()
    page.get_by_role("link", name=re.compile("Tiny Linux")).first.click()
    expect(page.locator("input[name=name]")).to_have_value("tiny-linux-1")
    page.locator("input[name=name]").fill(NAME)
    page.get_by_role("button", name="Create guest").click()
    page.wait_for_url(f"{site.url}/")
    row = page.locator("#guest-rows").get_by_text(NAME, exact=True)
    expect(row).to_be_visible()
    found = wait_until(
        lambda: [vm for vm in site.api("GET", "vms?limit=200")["items"] if vm["name"] == NAME]
    )
    return str(found[0]["id"])


def _see_it_run(page: Page, vm_id: str) -> None:
    """Without a reload: the row becomes a running guest with numbers and a picture."""
    row = page.locator(f"#g-{vm_id}").first
    expect(row.get_by_text("Console")).to_be_visible(timeout=20_000)
    expect(row.get_by_text(re.compile(r"\d+\.\d+\.\d+\.\d+"))).to_be_visible(timeout=60_000)
    expect(row.locator("img")).to_be_visible(timeout=20_000)


def picture(page: Page) -> Image.Image:
    """What the console's canvas shows; a black dot while it has no size yet."""
    data = page.locator("#screen-canvas canvas").first.evaluate("c => c.toDataURL('image/png')")
    if data == "data:,":
        return Image.new("RGB", (1, 1))
    return Image.open(BytesIO(base64.b64decode(data.split(",", 1)[1]))).convert("RGB")


def _open_console(page: Page, vm_id: str, domain: libvirt.virDomain) -> None:
    page.goto(f"/guests/{vm_id}/")
    page.get_by_role("link", name="Console").first.click()
    expect(page.locator("#screen-canvas canvas")).to_be_visible(timeout=15_000)
    wait_until(lambda: lit(picture(page)) > 0.003, limit_s=30, what="a picture that is not black")
    wait_until(
        lambda: likeness(picture(page), screen_of(domain)) > 0.995,
        limit_s=40,
        what="the browser shows what QEMU shows",
    )


def _type_a_command(page: Page, domain: libvirt.virDomain) -> None:
    """The keys typed in the browser reach the guest, which answers on its serial port."""
    serial = Serial(domain.UUIDString())
    try:
        page.locator("#screen-canvas canvas").click()
        type_keys(page, "root\n")
        wait_until(lambda: _typed(page, serial), limit_s=40, what="the command's output")
    finally:
        serial.close()


def _typed(page: Page, serial: Serial) -> bool:
    type_keys(page, "echo typed-$((40+2)) > /dev/ttyS0\n")
    with contextlib.suppress(AssertionError):
        return bool(wait_until(lambda: "typed-42" in serial.text, limit_s=5))
    return False


def _follow_virsh(page: Page, vm_id: str, domain: libvirt.virDomain) -> None:
    """The open console page says what virsh did, offers Start, and connects again by itself."""
    domain.destroy()
    start = page.get_by_role("button", name="Start").first
    expect(start).to_be_visible(timeout=5_000)
    start.click()
    wait_until(domain.isActive, limit_s=20)
    expect(page.locator("#cover")).to_be_hidden(timeout=20_000)
    wait_until(lambda: lit(picture(page)) > 0.003, limit_s=40)
    domain.suspend()
    expect(page.locator("#console-notice")).to_be_visible(timeout=5_000)
    domain.resume()
    expect(page.locator("#console-notice")).to_be_hidden(timeout=5_000)
    page.goto("/")
    row = page.locator(f"#g-{vm_id}").first
    expect(row.get_by_text("Console")).to_be_visible()
    domain.destroy()
    expect(row.get_by_role("button", name="Start")).to_be_visible(timeout=2_000)


def _delete(page: Page, vm_id: str, virsh: libvirt.virConnect) -> None:
    page.goto(f"/guests/{vm_id}/delete/")
    expect(page.get_by_role("heading", name=re.compile(re.escape(NAME)))).to_be_visible()
    page.get_by_role("button", name=re.compile("Delete")).click()
    page.wait_for_url(lambda url: "/delete/" not in url)
    expect(page.locator(f"#g-{vm_id}")).to_have_count(0, timeout=15_000)
    names = {domain.UUIDString() for domain in virsh.listAllDomains()}
    assert vm_id not in names
