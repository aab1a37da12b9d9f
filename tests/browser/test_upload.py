"""An upload from the page: paused, gone on with, refused with the reason beside the file."""

from __future__ import annotations

import filecmp
import os
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.site import POOLS, Site, wait_until


def test_files_go_up_pause_go_on_and_a_wrong_one_says_why(
    admin_page: Page, site: Site, tmp_path: Path
):
    desk = admin_page
    desk.goto("/images/")
    good, wrong = tmp_path / "good disk.raw", tmp_path / "wrong.iso"
    with good.open("wb") as file:
        file.write(os.urandom(8 << 20))
        file.truncate(1 << 30)
    wrong.write_bytes(b"no CD at all" * 10_000)
    desk.set_input_files("#upload-files", [str(good), str(wrong)])
    refused = desk.locator(".transfer", has_text="wrong.iso").first
    expect(refused).to_contain_text("what it holds is raw", timeout=20_000)
    row = desk.locator("#transfers .transfer", has_text="good disk.raw")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Go on").click()
    image = desk.locator(".images tr", has_text="good-disk.raw")
    expect(image).to_contain_text("uploaded by admin", timeout=60_000)
    assert filecmp.cmp(good, POOLS / site.name / "good-disk.raw", shallow=False)
    uploads = site.home / "uploads"
    wait_until(lambda: list(uploads.iterdir()) == [], limit_s=10)
