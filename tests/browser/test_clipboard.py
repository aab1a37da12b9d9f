"""Text between the browser and a guest that has an agent for it, by QEMU's own vdagent."""

from __future__ import annotations

from collections.abc import Iterator

import libvirt
import pytest
from playwright.sync_api import Page, expect

from tests.support.serial import Serial
from tests.support.site import Site, wait_until

from .test_console import open_console

CHANNEL = """<channel type='qemu-vdagent'><source><clipboard copypaste='yes'/></source>
<target type='virtio' name='com.redhat.spice.0'/></channel>"""
FROM_GUEST = "from the guest"
TO_GUEST = "to the guest: [ ] { } ~ 12"


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    """The id of a guest that was given a channel for the clipboard by virsh, and runs."""
    vm_id = str(site.create("copied", is_started=False)["id"])
    connection = libvirt.open("qemu:///system")
    try:
        domain = connection.lookupByUUIDString(vm_id)
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        connection.defineXML(xml.replace("</devices>", f"{CHANNEL}</devices>")).create()
    finally:
        connection.close()
    wait_until(lambda: site.api("GET", f"vms/{vm_id}")["state"] == "running", limit_s=20)
    return vm_id


@pytest.fixture
def serial(guest: str) -> Iterator[Serial]:
    """Root's shell at the guest's serial port."""
    port = Serial(guest)
    try:
        wait_until(port.has_prompt, limit_s=90, what="a login prompt")
        port.send("root\n")
        wait_until(lambda: "share-clipboard [TEXT]" in port.text, limit_s=20, what="a shell")
        yield port
    finally:
        port.close()


def test_what_is_copied_on_either_side_can_be_pasted_on_the_other(
    admin_page: Page, guest, serial
) -> None:
    page = admin_page
    open_console(page, guest)
    serial.send(f"share-clipboard '{FROM_GUEST}'\n")
    wait_until(lambda: "The clipboard is shared." in serial.text, limit_s=20, what="the agent")
    page.locator("#clipboard-open").click()
    expect(page.locator("#clipboard-text")).to_have_value(FROM_GUEST, timeout=20_000)
    page.locator("#clipboard-text").fill(TO_GUEST)
    page.locator("#clipboard-send").click()
    expect(page.locator("#clipboard")).to_be_hidden()
    wait_until(lambda: f"copied: {TO_GUEST}" in serial.text, limit_s=20, what="the text")
