"""Passkeys in a real Chromium, with the virtual authenticator of its developer tools."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PASSWORD, watched
from tests.support.browser import first_login, log_in
from tests.support.site import Site, running_site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site on libvirt's test driver: no guest is needed here."""
    with running_site(uri="test:///default") as running:
        yield running


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """A page of a browser that has a fingerprint reader."""
    context = browser.new_context(base_url=site.url)
    for page in watched(context, site):
        tools = context.new_cdp_session(page)
        tools.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
        more = {"hasUserVerification": True, "isUserVerified": True}
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, **more}})
        yield page


def test_a_passkey_is_added_stands_behind_the_password_and_logs_in_alone(
    site: Site, page: Page
) -> None:
    first_login(page, site.url, site.password, PASSWORD)
    page.goto("/account/factors/passkeys/add/")
    page.locator("input[name=name]").fill("laptop")
    page.get_by_role("button", name="Add it now").click()
    page.wait_for_selector("#codes")
    assert page.locator("#codes li").count() == 10
    page.get_by_role("link", name="I have kept them").click()
    assert "laptop" in page.locator("main").inner_text()
    log_out(page)
    log_in(page, site.url, "admin", PASSWORD)
    assert "Second factor" in page.locator("h1").inner_text()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{site.url}/")
    log_out(page)
    page.get_by_role("button", name="Use a passkey instead").click()
    page.wait_for_url(f"{site.url}/")
    assert "admin" in page.locator("#user-button").inner_text()


def log_out(page: Page) -> None:
    page.goto("/logout/")
    page.locator("main").get_by_role("button", name="Log out").click()
    page.wait_for_url(lambda address: "/login/" in address)
