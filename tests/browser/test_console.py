"""Sitting at a guest: serial port, keys, typing a text, watching only, others, own window."""

from __future__ import annotations

import base64
import contextlib
import gzip
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import type_keys
from tests.support.pictures import lit
from tests.support.serial import Serial
from tests.support.site import Site, wait_until

from .test_newcomer import picture

ASCII = "".join(map(chr, range(32, 127)))
NAME = "a#b %.1"


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    """The id of a guest whose name holds every sign that addresses trip over."""
    vm_id = str(site.create(NAME)["id"])
    # It says its address on the serial port once it has one, and nothing by itself after that.
    wait_until(lambda: site.api("GET", f"vms/{vm_id}")["addresses"], limit_s=120, what="an address")
    return vm_id


@pytest.fixture
def serial(virsh, guest: str) -> Iterator[Serial]:
    """The guest's serial port, past its boot."""
    port = Serial(guest)
    try:
        wait_until(port.has_prompt, limit_s=90, what="a login prompt")
        yield port
    finally:
        port.close()


@pytest.fixture
def console(admin_page: Page, guest: str) -> Page:
    """The guest's console, connected, with its picture there."""
    open_console(admin_page, guest)
    return admin_page


def open_console(page: Page, guest: str) -> None:
    page.goto(f"/guests/{guest}/console/")
    expect(page.locator("#screen-canvas canvas")).to_be_visible(timeout=20_000)
    expect(page.locator("#cover")).to_be_hidden(timeout=20_000)
    wait_until(lambda: lit(picture(page)) > 0.003, limit_s=40, what="a picture")


def type_text(page: Page, text: str, *, layout: str = "us", pace: str = "normal") -> None:
    page.locator("#paste-open").click()
    page.locator("#paste-text").fill(text)
    page.locator("#paste-layout").select_option(layout)
    page.locator("#paste-pace").select_option(pace)
    page.locator("#paste-go").click()
    expect(page.locator("#paste")).to_be_hidden(timeout=60_000)


def log_in_by_keys(page: Page, serial: Serial) -> None:
    """Be root at the screen, whoever was there before."""
    type_text(page, "root\n")

    def answers() -> bool:
        mark = len(serial.text)
        type_text(page, "echo here-$((20+3)) >/dev/ttyS0\n")
        with contextlib.suppress(AssertionError):
            return bool(wait_until(lambda: "here-23" in serial.text[mark:], limit_s=5))
        type_text(page, "\nroot\n")  # the first came before the prompt
        return False

    wait_until(answers, limit_s=60, what="a shell at the screen")


def arrives_exactly(console: Page, serial: Serial, layout: str) -> None:
    """Type every printable character, there and back, and read what the guest got."""
    mark = len(serial.text)
    typed = f"{ASCII}\n{ASCII[::-1]}\n"
    around = "(echo here-$((1+1)); cat; echo done-$((1+1))) >/dev/ttyS0 <<'end of it'"
    type_text(console, f"{around}\n{typed}end of it\n", layout=layout)
    wait_until(lambda: "done-2" in serial.text[mark:], limit_s=20, what="the text")
    said = serial.text[mark:].replace("\r", "")
    assert said.partition("here-2\n")[2].partition("done-2")[0] == typed


def test_every_printable_character_typed_in_the_us_layout_arrives(console, serial) -> None:
    log_in_by_keys(console, serial)
    arrives_exactly(console, serial, "us")


def load_keys(serial: Serial, keymap: str) -> None:
    """Let the guest's keyboard be another, as the distribution's own table has it."""
    table = subprocess.run(
        ["loadkeys", "-b", f"/usr/share/keymaps/i386/{keymap}.kmap.gz"],
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout
    packed = base64.encodebytes(gzip.compress(table)).decode()  # the shell takes no long lines
    mark = len(serial.text)
    serial.send(f"base64 -d <<E | gunzip | loadkmap && echo keys-$((1+1))\n{packed}E\n")

    def has_them_and_a_prompt() -> bool:
        return "# " in serial.text[mark:].partition("keys-2")[2]

    wait_until(has_them_and_a_prompt, limit_s=20, what="another keyboard")


def test_every_printable_character_typed_in_the_german_layout_arrives(console, serial) -> None:
    log_in_by_keys(console, serial)
    mark = len(serial.text)
    serial.send("root\n")
    wait_until(lambda: "root login" in serial.text[mark:], limit_s=20)
    load_keys(serial, "qwertz/de-latin1")
    try:
        arrives_exactly(console, serial, "de")
    finally:
        load_keys(serial, "qwerty/us")
        serial.send("exit\n")
        wait_until(serial.has_prompt, limit_s=20)


def test_what_the_layout_cannot_make_is_shown_before_anything_is_typed(console, serial) -> None:
    mark = len(serial.text)
    console.locator("#paste-open").click()
    console.locator("#paste-layout").select_option("us")
    console.locator("#paste-text").fill("Grüße, 漢字\u2028")
    warning = console.locator("#paste-missing")
    expect(warning).to_contain_text("ü")
    for sign in ("ß", "漢", "字", "U+2028"):
        expect(warning).to_contain_text(sign)
    console.locator("#paste-layout").select_option("de")
    expect(warning).not_to_contain_text("ü")
    expect(warning).to_contain_text("漢")
    console.locator("#paste-text").fill("Grüße")
    expect(warning).to_be_hidden()
    console.locator("#paste-close").click()
    assert serial.text[mark:] == ""


def test_typing_can_be_stopped_and_the_layout_is_remembered(console, serial) -> None:
    console.locator("#paste-open").click()
    console.locator("#paste-layout").select_option("fr")
    console.locator("#paste-pace").select_option("slow")
    console.locator("#paste-text").fill("x" * 500)
    console.locator("#paste-go").click()
    expect(console.locator("#paste-state")).to_contain_text("of 500")
    console.locator("#paste-stop").click()
    expect(console.locator("#paste-state")).to_contain_text("Stopped after")
    console.locator("#paste-close").click()
    console.reload()
    expect(console.locator("#cover")).to_be_hidden(timeout=20_000)
    console.locator("#paste-open").click()
    expect(console.locator("#paste-layout")).to_have_value("fr")
    console.locator("#paste-text").fill("")
    console.locator("#paste-layout").select_option("us")
    console.locator("#paste-close").click()
    console.keyboard.press("Control+u")


def choose(page: Page, menu: str, selector: str) -> None:
    page.locator(menu).click()
    page.locator(selector).click()


CTRL, ALT, SUPER, TAB, PRINT, C = 29, 56, 125, 15, 99, 46
F = [59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 87, 88]
CHORDS = {"alt tab": [ALT, TAB], "alt f4": [ALT, F[3]], "print": [PRINT], "alt print": [ALT, PRINT]}
CHORDS |= {f"ctrl alt f{number + 1}": [CTRL, ALT, code] for number, code in enumerate(F)}


def test_every_combination_of_the_menu_is_seen_by_the_guest(console, serial) -> None:
    # Not at the screen, where Print Screen is a sign that ends programs.
    mark = len(serial.text)
    serial.send("root\n")
    wait_until(lambda: "root login" in serial.text[mark:], limit_s=20)
    serial.send("show-keys 100\n")
    wait_until(lambda: "Press keys" in serial.text[mark:], limit_s=20)

    def sees(codes: list[int], state: str) -> None:
        wanted = "".join(rf"key {code} {state}\s+" for code in codes)
        what = f"{state}: {codes}"
        wait_until(lambda: re.search(wanted, serial.text[mark:]), limit_s=20, what=what)

    # One after the other: the guest's show-keys takes a while for each.
    for keys, codes in CHORDS.items():
        mark = len(serial.text)
        choose(console, "#keys", f'[data-keys="{keys}"]')
        sees(codes, "pressed")
        sees(codes[::-1], "released")
    mark = len(serial.text)
    for key in ("ctrl", "super"):
        choose(console, "#keys", f'[data-hold="{key}"]')
    console.keyboard.press("c")
    sees([CTRL, SUPER, C], "pressed")
    for key in ("super", "ctrl"):
        choose(console, "#keys", f'[data-hold="{key}"]')
    sees([SUPER, CTRL], "released")
    choose(console, "#keys", '[data-keys="ctrl alt f1"]')
    serial.send("\x03")
    serial.send("exit\n")
    wait_until(serial.has_prompt, limit_s=20)


def test_watching_only_is_kept_by_the_server_whatever_the_page_does(console, serial) -> None:
    log_in_by_keys(console, serial)
    console.locator("#control").click()
    expect(console.locator("#control")).to_contain_text("Take control", timeout=10_000)
    expect(console.locator("#keys")).to_be_disabled()
    expect(console.locator("#paste-open")).to_be_disabled()
    mark = len(serial.text)
    console.locator("#screen-canvas canvas").focus()
    console.keyboard.type("reboot -f\n")
    console.locator("#control").click()
    expect(console.locator("#keys")).to_be_enabled(timeout=20_000)
    type_text(console, "echo yes-$((1+1)) >/dev/ttyS0\n")
    wait_until(lambda: "yes-2" in serial.text[mark:], limit_s=20)
    assert serial.text[mark:].strip() == "yes-2"


def rows(page: Page) -> str:
    return page.locator(".xterm-rows").first.inner_text().replace("\u00a0", " ")


def test_the_serial_port_is_a_terminal_in_the_same_page(console, guest) -> None:
    page = console
    page.get_by_role("button", name="Serial", exact=True).click()
    expect(page.locator("#screen-serial-0 .screen-cover")).to_be_hidden(timeout=20_000)
    page.keyboard.press("Enter")
    wait_until(lambda: "login:" in rows(page), limit_s=90, what="a prompt")
    page.keyboard.type("root\n")
    wait_until(lambda: "#" in rows(page), limit_s=20)
    page.keyboard.type("printf '\\033[38;2;10;200;30mgreen-%s\\033[0m\\n' $((40+2))\n")
    wait_until(lambda: "green-42" in rows(page), limit_s=20)
    green = page.locator(".xterm-rows span", has_text="green-42").last
    expect(green).to_have_css("color", "rgb(10, 200, 30)")
    assert "serial" in page.url
    page.reload()  # the port stays chosen
    expect(page.locator("#screen-serial-0 .screen-cover")).to_be_hidden(timeout=20_000)
    page.locator("#control").click()
    expect(page.locator("#control")).to_contain_text("Take control", timeout=10_000)
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.type("echo typed-by-a-viewer\n")
    page.locator("#control").click()
    expect(page.locator("#control")).to_contain_text("Watch only", timeout=10_000)
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.type("echo again-$((1+1)); exit\n")
    wait_until(lambda: "again-2" in rows(page), limit_s=20)
    assert "typed-by" not in rows(page)
    page.get_by_role("button", name="Screen", exact=True).click()
    expect(page.locator("#screen-canvas canvas")).to_be_visible()


def test_a_port_that_virsh_holds_says_so_and_opens_afterwards(console, virsh, guest) -> None:
    holder = Serial(guest)
    page = console
    page.get_by_role("button", name="Serial", exact=True).click()
    cover = page.locator("#screen-serial-0 .screen-cover")
    expect(cover).to_contain_text("The serial port is in use", timeout=10_000)
    holder.close()
    cover.get_by_role("button", name="Connect again").click()
    expect(cover).to_be_hidden(timeout=10_000)
    page.keyboard.press("Enter")
    wait_until(lambda: "login:" in rows(page), limit_s=20)


def test_who_else_is_connected_stands_in_the_bar(console, site, browser, admin_state, guest):
    page = console
    people = page.locator("#console-people .tag")
    page.get_by_role("button", name="Serial", exact=True).click()
    expect(page.locator("#screen-serial-0 .screen-cover")).to_be_hidden(timeout=20_000)
    expect(people).to_have_count(0)  # both are one's own
    other = browser.new_context(storage_state=admin_state, base_url=site.url)
    try:
        second = other.new_page()
        open_console(second, guest)  # what is one's own comes along
        expect(second.locator("#control")).to_contain_text("Watch only", timeout=10_000)
        expect(people).to_have_count(3, timeout=10_000)
        expect(people.last).to_contain_text("has control of the screen")
        second.locator("#control").click()
        expect(people).to_have_count(2, timeout=10_000)
        expect(people.first).to_contain_text("admin × 2 watches the screen")
    finally:
        other.close()
    expect(people).to_have_count(0, timeout=10_000)


def test_control_follows_who_has_two_windows_and_comes_back_when_one_is_closed(console, guest):
    mine = console.locator("#control")
    second = console.context.new_page()
    open_console(second, guest)
    expect(second.locator("#control")).to_contain_text("Watch only")
    expect(mine).to_contain_text("Take control")
    console.locator("#screen-canvas canvas").click()
    expect(mine).to_contain_text("Watch only")
    second.locator("#screen-canvas canvas").click()
    expect(mine).to_contain_text("Take control")
    second.close()
    expect(mine).to_contain_text("Watch only")


@pytest.fixture
def colleague(site: Site, page_of, guest: str) -> Page:
    """The console of somebody who operates the guest, in a browser of his own."""
    site.manage("shell", "-c", OPERATOR.format(guest=guest, password=COLLEAGUES))
    page = page_of("bob", COLLEAGUES)
    open_console(page, guest)
    return page


COLLEAGUES = "bob has a long one too"
OPERATOR = (
    "from vms.models import *;"
    "bob, _ = User.objects.get_or_create(username='bob', role='user');"
    "bob.set_password('{password}'); bob.save();"
    "Share.objects.get_or_create(vm_id='{guest}', user=bob, defaults={{'role': 'operator'}})"
)


def says(page: Page, serial: Serial, word: str) -> bool:
    """Type at a page's screen that the guest says a word on its serial port; whether it does."""
    mark = len(serial.text)
    page.locator("#screen-canvas canvas").focus()
    type_keys(page, f"\necho {word}-$((1+1)) >/dev/ttyS0\n", delay_ms=20)
    with contextlib.suppress(AssertionError):
        return bool(wait_until(lambda: f"{word}-2" in serial.text[mark:], limit_s=4))
    return False


def test_two_people_hand_control_over_without_connecting_again(console, colleague, serial) -> None:
    log_in_by_keys(console, serial)
    expect(colleague.locator("#control")).to_contain_text("Ask for control", timeout=10_000)
    assert not says(colleague, serial, "bob")
    colleague.locator("#control").click()
    expect(console.locator("#ask")).to_contain_text("bob asks for control", timeout=10_000)
    console.locator("#ask").get_by_role("button", name="Keep control").click()
    expect(colleague.locator("#toasts")).to_contain_text("admin kept control", timeout=10_000)
    colleague.locator("#control").click()
    console.locator("#ask").get_by_role("button", name="Hand over").click()
    expect(colleague.locator("#control")).to_contain_text("Watch only", timeout=10_000)
    assert says(colleague, serial, "bob")
    assert not says(console, serial, "admin")
    choose(console, "#people", '[data-wish="take"]')
    expect(colleague.locator("#toasts")).to_contain_text("admin took control", timeout=10_000)
    assert says(console, serial, "admin")
    choose(console, "#people", '[data-wish="alone"]')
    expect(colleague.locator("#cover")).to_contain_text("for himself", timeout=10_000)
    choose(console, "#people", '[data-wish="share"]')
    expect(colleague.locator("#cover")).to_be_hidden(timeout=10_000)


def make_link(page: Page, guest: str, **fields: str) -> str:
    """Make a link on the owner's page; return its address."""
    page.goto(f"/guests/{guest}/links/")
    page.locator("[name=name]").fill("Support")
    for name, value in fields.items():
        field = page.locator(f"[name={name}]")
        field.select_option(value) if name in ("mode", "hours") else field.fill(value)
    page.get_by_role("button", name="Make the link").click()
    return page.locator("#secret").inner_text()


def test_a_link_shows_the_screen_to_somebody_without_an_account_till_it_is_revoked(
    console, site, browser, guest, serial
) -> None:
    log_in_by_keys(console, serial)
    owner = console.context.new_page()
    address = make_link(owner, guest, passphrase="open sesame")
    context = browser.new_context(base_url=site.url)
    try:
        page = context.new_page()
        page.goto(address)
        page.locator("#join-passphrase").fill("wrong one")
        page.locator("#join-go").click()
        expect(page.locator("#join-wrong")).to_contain_text("not the passphrase")
        page.locator("#join-passphrase").fill("open sesame")
        page.locator("#join-go").click()
        expect(page.locator("#cover")).to_be_hidden(timeout=20_000)
        wait_until(lambda: lit(picture(page)) > 0.003, limit_s=40, what="a picture")
        expect(page.locator("#control")).to_be_disabled()
        expect(console.locator("#console-people")).to_contain_text("Support", timeout=10_000)
        assert "admin" not in page.locator("#console").inner_text()
        mark = len(serial.text)
        page.locator("#screen-canvas canvas").focus()
        type_keys(page, "\necho link >/dev/ttyS0\n", delay_ms=20)
        assert says(console, serial, "owner")
        assert "link" not in serial.text[mark:]
        page.reload()  # on the same visit: no passphrase again
        expect(page.locator("#cover")).to_be_hidden(timeout=20_000)
        page.goto("/")
        assert "/login/" in page.url
        page.goto(address)
        expect(page.locator("#cover")).to_be_hidden(timeout=20_000)
        owner.goto(f"/guests/{guest}/links/")
        owner.get_by_role("button", name="Revoke Support").click()
        owner.locator("dialog[open]").get_by_role("button", name="Revoke").click()
        expect(page.locator("#cover")).to_contain_text("No longer allowed", timeout=5_000)
        assert address.partition("#")[2] not in site.log()
    finally:
        context.close()


def test_a_window_of_its_own_and_a_picture_in_a_file_whatever_the_name(console, tmp_path) -> None:
    page = console
    with page.expect_popup() as opening:
        choose(page, "#view", "#pop-out")
    own = opening.value
    expect(own.locator("#cover")).to_be_hidden(timeout=20_000)
    expect(own.get_by_role("heading", level=1)).to_contain_text(NAME)
    own.close()
    with page.expect_download() as saving:
        choose(page, "#view", "#save-picture")
    assert saving.value.suggested_filename.startswith("a_b _.1-")
    saving.value.save_as(tmp_path / "screen.png")
    assert Path(tmp_path / "screen.png").read_bytes().startswith(b"\x89PNG")


def test_a_power_cycle_is_followed_by_screen_and_serial_port(console, virsh, guest) -> None:
    page = console
    page.get_by_role("button", name="Serial", exact=True).click()
    cover = page.locator("#screen-serial-0 .screen-cover")
    expect(cover).to_be_hidden(timeout=20_000)
    domain = virsh.lookupByUUIDString(guest)
    domain.destroy()
    expect(cover.get_by_role("button", name="Start")).to_be_visible(timeout=10_000)
    domain.create()
    expect(cover).to_be_hidden(timeout=20_000)
    wait_until(lambda: "login:" in rows(page), limit_s=90, what="a prompt after the power cycle")
    page.get_by_role("button", name="Screen", exact=True).click()
    expect(page.locator("#cover")).to_be_hidden(timeout=20_000)
    # A reset by keys leaves both connected.
    choose(page, "#keys", '[data-keys="ctrl alt del"]')
    page.get_by_role("button", name="Serial", exact=True).click()
    wait_until(lambda: "SYSLINUX" in rows(page), limit_s=60, what="the guest to boot again")
