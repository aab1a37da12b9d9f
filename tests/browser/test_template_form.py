"""The form of a new template follows the ISO that is chosen, without losing what was typed."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.imaging.conftest import make_iso


def test_choosing_an_iso_fills_the_form_in_place(admin_page: Page, tmp_path: Path):
    desk = admin_page
    desk.goto("/images/")
    cd = tmp_path / "trixie.iso"
    cd.write_bytes(make_iso("Debian 13.1.0 amd64 n", boot=True))
    desk.set_input_files("#upload-files", [str(cd)])
    row = desk.locator(".images tr", has_text="trixie.iso")
    expect(row).to_contain_text("Debian 13", timeout=60_000)
    desk.goto("/templates/new/")
    desk.get_by_label("Name", exact=True).fill("Mine")
    desk.get_by_label("Guests start from").select_option("iso")
    expect(desk.get_by_label("Disk image")).to_be_hidden()
    held: list[Route] = []
    desk.route("**/templates/new/", lambda route: held.append(route))  # noqa: PLW0108
    with desk.expect_request("**/templates/new/"):
        desk.get_by_label("Installer").select_option(label=_label(desk, "trixie.iso"))
    desk.get_by_label("Description").fill("typed while the server looks")
    held[0].continue_()
    desk.unroute("**/templates/new/")
    expect(desk.locator("#proposal")).to_contain_text("Proposed for Debian 13")
    expect(desk.get_by_label("Memory", exact=True)).to_have_value("2048")
    expect(desk.get_by_label("Name", exact=True)).to_have_value("Mine")
    expect(desk.get_by_label("Description")).to_have_value("typed while the server looks")
    expect(desk.get_by_label("Operating system")).to_have_value("Debian 13")
    # The fresh form is alive: it hides what does not belong to an installer.
    expect(desk.get_by_label("Disk image")).to_be_hidden()
    expect(desk.get_by_label("Description")).to_be_focused()
    desk.get_by_label("Name", exact=True).press("Enter")
    desk.wait_for_url("**/templates/")
    expect(desk.locator(".choice", has_text="Mine")).to_contain_text("Installer")


def _label(desk: Page, name: str) -> str:
    option = desk.locator("#id_iso option", has_text=name)
    return option.first.text_content() or ""
