"""The longest names on the narrowest screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.support.site import Site

PARTS = ("", "settings/", "delete/", "console/", "history/")


@pytest.mark.parametrize("letter", ["x", "<", "日"])
def test_no_page_of_a_guest_with_a_long_name_is_wider_than_a_phone(
    site: Site, admin_page: Page, letter: str
):
    guest = site.create(letter * (66 if letter == "日" else 100), is_started=False)
    admin_page.set_viewport_size({"width": 360, "height": 800})
    wide = []
    for part in PARTS:
        admin_page.goto(f"guests/{guest['id']}/{part}")
        inner = admin_page.evaluate("document.documentElement.scrollWidth")
        cut = admin_page.evaluate(
            """() => [...document.querySelectorAll(".btn-danger")].filter(
                (button) => button.scrollWidth > button.clientWidth + 1).length"""
        )
        if inner > 360 or cut:
            wide.append((part, inner, cut))
    assert not wide
