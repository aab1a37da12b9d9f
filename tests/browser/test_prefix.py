"""The site under a path of its own, as behind a reverse proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.pictures import lit
from tests.support.site import Site, running_site, wait_until

from .test_newcomer import picture


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that is served under /kvm."""
    with running_site(prefix="/kvm") as running:
        yield running


def test_pages_live_updates_and_console_work_under_a_prefix(admin_page, site, virsh):
    page = admin_page
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
    outside: list[str] = []
    page.on(
        "request",
        lambda request: (
            outside.append(request.url)
            if not request.url.replace("ws://", "http://").startswith((site.url, "data:", "blob:"))
            else None
        ),
    )
    vm_id = site.create("under a prefix")["id"]
    page.goto(f"{site.url}/")
    row = page.locator(f"#g-{vm_id}")
    expect(row).to_be_visible()
    virsh.lookupByUUIDString(vm_id).suspend()
    expect(row).to_have_attribute("data-state", "paused", timeout=3_000)
    virsh.lookupByUUIDString(vm_id).resume()
    row.get_by_role("link", name="Console").click()
    expect(page.locator("#screen-canvas canvas")).to_be_visible(timeout=15_000)
    wait_until(lambda: lit(picture(page)) > 0.003, limit_s=30)
    for path in ("/guests/new/", "/templates/", "/host/", "/people/", "/api/v1/docs"):
        page.goto(site.url + path)
        expect(page.locator("h1").first).to_be_attached()
    assert missing == []
    assert outside == []
