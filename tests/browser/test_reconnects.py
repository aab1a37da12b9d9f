"""A console comes back by itself, and says whether guest, server or network was away."""

from __future__ import annotations

from collections.abc import Iterator

import libvirt
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.cable import Cable, cable
from tests.support.pictures import lit
from tests.support.site import Site, running_site, wait_until

from .test_newcomer import picture

SNAPSHOT = """<domainsnapshot><name>before</name>
<disks><disk name='vda' snapshot='internal'/><disk name='vdb' snapshot='no'/></disks>
</domainsnapshot>"""


@pytest.fixture(scope="module")
def line() -> Iterator[Cable]:
    """The network between browser and site."""
    with cable() as laid:
        yield laid


@pytest.fixture(scope="module")
def site(line: Cable) -> Iterator[Site]:
    """A site that is known by the address at the near end of the cable."""
    with running_site(KVMWEB_PUBLIC_URLS=line.url) as running:
        line.target = running.port
        yield running


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    return str(site.create("comes back")["id"])


@pytest.fixture
def console(browser: Browser, admin_state, line: Cable, guest: str) -> Iterator[Page]:
    """The guest's console over the cable, with its picture there."""
    context = browser.new_context(storage_state=admin_state, base_url=line.url)
    page = context.new_page()
    page.goto(f"/guests/{guest}/console/")
    expect_picture(page)
    yield page
    context.close()


def expect_picture(page: Page) -> None:
    expect(page.locator("#cover")).to_be_hidden(timeout=30_000)
    wait_until(lambda: lit(picture(page)) > 0.003, limit_s=40, what="a picture")


def expect_told(page: Page, why: str) -> None:
    """Wait until it is connected again and says why it was not."""
    expect(page.locator(".toast-note", has_text=why)).to_be_visible(timeout=40_000)
    expect_picture(page)


def test_a_restart_of_the_server_is_told_from_one_of_the_guest(console, site) -> None:
    site.stop()
    expect(console.locator("#cover")).to_be_visible()
    site.start()
    expect_told(console, "The server was restarted.")


def test_a_connection_that_was_lost_comes_back(console, line) -> None:
    line.unplug()
    expect(console.locator("#cover")).to_be_visible()
    line.plug()
    expect_told(console, "The connection to the server was lost for a while.")


def test_a_device_without_network_says_so(console, line) -> None:
    console.context.set_offline(True)
    line.unplug()
    expect(console.locator("#cover")).to_be_visible()
    line.plug()
    console.context.set_offline(False)
    expect_told(console, "This device had no network for a while.")


def test_pausing_keeps_the_picture_and_ends_nothing(console, virsh, guest) -> None:
    domain = virsh.lookupByUUIDString(guest)
    domain.suspend()
    expect(console.locator("#console-head")).to_have_attribute("data-state", "paused")
    expect_picture(console)
    domain.resume()
    expect(console.locator("#console-head")).to_have_attribute("data-state", "running")
    expect_picture(console)


def test_a_guest_set_back_to_a_snapshot_is_shown_again(console, virsh, guest) -> None:
    domain = virsh.lookupByUUIDString(guest)
    snapshot = domain.snapshotCreateXML(SNAPSHOT)
    try:
        domain.destroy()
        expect(console.locator("#cover").get_by_role("button", name="Start")).to_be_visible()
        domain.revertToSnapshot(snapshot)
        expect_told(console, "The guest was set back to a snapshot.")
        domain.revertToSnapshot(snapshot)
        expect_picture(console)
    finally:
        snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
