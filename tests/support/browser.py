"""Debian's Chromium under Playwright, and the way in: log in as somebody."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

EXECUTABLE = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def launch_options() -> dict[str, Any]:
    """Options for starting Debian's Chromium without any request to the outside."""
    return {"executable_path": EXECUTABLE, "args": FLAGS}


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own, closed afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, url: str, username: str, password: str) -> None:
    """Fill the login form and send it."""
    page.goto(f"{url}/login/")
    page.locator("input[name=login]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda address: "/login/" not in address)


def first_login(page: Page, url: str, one_time: str, password: str) -> None:
    """Log in as the first administrator and choose a password, as the page asks."""
    log_in(page, url, "admin", one_time)
    assert "password" in page.url
    page.locator("input[name=oldpassword]").fill(one_time)
    page.locator("input[name=password1]").fill(password)
    page.locator("input[name=password2]").fill(password)
    page.locator("main form button.btn-primary").click()
    page.wait_for_url(f"{url}/")


_SHIFTED = {
    "$": "Digit4",
    "(": "Digit9",
    ")": "Digit0",
    "+": "Equal",
    ">": "Period",
    "|": "Backslash",
    "_": "Minus",
    ":": "Semicolon",
}


def type_keys(page: Page, text: str, *, delay_ms: int = 40) -> None:
    """Type as hands on a US keyboard do: with Shift held where it is needed."""
    for char in text:
        if char.isupper():
            key = f"Shift+Key{char}"
        elif char in _SHIFTED:
            key = f"Shift+{_SHIFTED[char]}"
        else:
            key = {"\n": "Enter", " ": "Space"}.get(char, char)
        page.keyboard.press(key, delay=delay_ms)
