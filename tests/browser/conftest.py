"""A real Chromium against a whole site on a real libvirtd with QEMU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)

from tests.support.browser import first_login, launch_options, log_in
from tests.support.site import Site

HERE = Path(__file__).parent
PASSWORD = "a very long pass phrase"
PATIENCE_MS = 15_000
"""A guest that boots under TCG can keep both cores of a small machine for seconds."""
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start Debian's Chromium instead of Playwright's own."""
    return {**browser_type_launch_args, **launch_options()}


@pytest.fixture(scope="module")
def admin_state(site: Site, browser: Browser) -> dict[str, Any]:
    """The cookies of the administrator after the first login."""
    context = browser.new_context()
    first_login(context.new_page(), site.url, site.password, PASSWORD)
    state = context.storage_state()
    context.close()
    return dict(state)


@pytest.fixture
def admin_page(site: Site, browser: Browser, admin_state: dict[str, Any]) -> Iterator[Page]:
    """A page of the administrator; it fails the test on any script error or foreign request."""
    context = browser.new_context(storage_state=admin_state, base_url=site.url)  # type: ignore[arg-type]
    yield from watched(context, site)


def watched(context: BrowserContext, site: Site) -> Iterator[Page]:
    """A page whose script errors, CSP refusals, requests to other hosts and broken answers of the
    server fail the test.
    """
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    own = (site.url, site.url.replace("http", "ws"), "data:", "blob:")

    def said(line: ConsoleMessage) -> None:
        if "Content Security Policy" in line.text:
            complaints.append(line.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(own):
            complaints.append(f"foreign: {request.url}")

    def answered(response: Response) -> None:
        if response.status in {500, 502, 504}:
            complaints.append(f"{response.status}: {response.url}")

    page.on("console", said)
    page.on("response", answered)
    page.on("request", asked)
    yield page
    context.close()
    assert not complaints


@pytest.fixture
def page_of(site: Site, browser: Browser):
    """Open a page as somebody: page_of(username, password)."""
    contexts: list[BrowserContext] = []

    def open_page(username: str, password: str) -> Page:
        context = browser.new_context(base_url=site.url)
        contexts.append(context)
        page = context.new_page()
        log_in(page, site.url, username, password)
        return page

    yield open_page
    for context in contexts:
        context.close()
