"""A console in Chromium: from a key to the changed pixel, through the site and by noVNC on a plain
websockify at the same guest; and from the click on Console to the first picture.
"""

from __future__ import annotations

import contextlib
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import libvirt
from playwright.sync_api import Browser, Page

from tests.bench.relay import is_listening, process
from tests.bench.screens import ANSWERING, SOCKET, screens
from tests.bench.table import Row, ms, spread
from tests.bench.visitor import Visitor
from tests.support.browser import chromium
from tests.support.site import ROOT, Site, free_port, wait_until

KEYS = 60
CLICKS = 12
GOAL_KEY = 1.1
GOAL_PICTURE_S = 0.5
PAUSE_MS = 40
PLAIN = """<!doctype html><meta charset="utf-8"><title>noVNC</title>
<div id="screen" style="width:1000px;height:600px"></div>
<script type="module">
import RFB from "./core/rfb.js";
const rfb = new RFB(document.getElementById("screen"), `ws://${location.host}/websockify`,
  {shared: true, wsProtocols: ["binary"]});
rfb.scaleViewport = true;
</script>"""
PRESS = """() => new Promise((resolve) => {
  const canvas = document.querySelector("canvas");
  const pen = canvas.getContext("2d", {willReadFrequently: true});
  const pixel = () => pen.getImageData(300, 200, 1, 1).data[0] > 128;
  const before = pixel(), began = performance.now();
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    if (pixel() !== before) resolve((performance.now() - began) / 1000);
    else if (performance.now() - began > 5000) resolve(null);
    else channel.port2.postMessage(0);
  };
  for (const type of ["keydown", "keyup"]) {
    canvas.dispatchEvent(new KeyboardEvent(type, {key: "a", code: "KeyA", bubbles: true}));
  }
  channel.port2.postMessage(0);
})"""
"""Press a key as hands do, and look at one pixel again and again until it is another."""
IS_WHITE = """() => document.querySelector("canvas").getContext("2d")
  .getImageData(300, 200, 1, 1).data[0] > 128"""
WATCH = """
addEventListener("click", () => {
  sessionStorage.clicked = performance.timeOrigin + performance.now();
}, true);
const look = () => {
  const canvas = document.querySelector("#screen-canvas canvas");
  const pen = canvas?.width ? canvas.getContext("2d", {willReadFrequently: true}) : null;
  const data = pen?.getImageData(0, 0, canvas.width, canvas.height).data;
  if (data?.some((value, at) => at % 4 !== 3 && value > 60)) {
    window.pictureAt = performance.timeOrigin + performance.now();
  } else setTimeout(look, 2);
};
if (location.pathname.endsWith("/console/")) look();
"""


def browser_rows(site: Site) -> Iterator[Row]:
    """Give the rows of the key and of the click."""
    with (
        screens(site, ANSWERING, 1, SOCKET) as (guest,),
        plain_websockify(guest) as address,
        logged_in(site) as (browser, cookies),
    ):
        vm_id = guest.UUIDString()
        wait_until(lambda: site.api("GET", f"vms/{vm_id}")["state"] == "running", limit_s=30)
        yield key_row(browser, cookies, f"{site.url}/guests/{vm_id}/console/", address)
        yield click_row(browser, cookies, f"{site.url}/guests/{vm_id}/")


def key_row(browser: Browser, cookies: list[dict[str, str]], ours: str, theirs: str) -> Row:
    """Press keys in turn in both pages, which show the same screen."""
    pages = {"kvmweb": ours, "noVNC on websockify": theirs}
    opened = {name: open_console(browser, cookies, url) for name, url in pages.items()}
    took_s: dict[str, list[float]] = {name: [] for name in opened}
    for number in range(KEYS + 5):
        for name in sorted(opened, reverse=bool(number % 2)):
            seconds = opened[name].evaluate(PRESS)
            opened[name].wait_for_timeout(PAUSE_MS)
            if number >= 5 and seconds is not None:
                took_s[name].append(seconds)
    while not opened["kvmweb"].evaluate(IS_WHITE):  # a black screen is no picture to wait for
        opened["kvmweb"].evaluate(PRESS)
    for page in opened.values():
        page.context.close()
    median = {name: statistics.median(each) for name, each in took_s.items()}
    ratio = median["kvmweb"] / median["noVNC on websockify"]
    return Row(
        "from a key in Chromium to the changed pixel",
        ", ".join(f"{name} {ms(value)}" for name, value in median.items())
        + f" ms ({ratio:.2f} times, {min(map(len, took_s.values()))} keys)",
        f"<= {GOAL_KEY} times",
        ratio <= GOAL_KEY,
    )


def click_row(browser: Browser, cookies: list[dict[str, str]], guest_url: str) -> Row:
    """Click on Console on the guest's page, again and again."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    context.add_cookies(cookies)  # type: ignore[arg-type]  # name, value and url
    context.add_init_script(WATCH)
    page, took_s = context.new_page(), []
    for number in range(CLICKS + 1):
        page.goto(guest_url)
        page.wait_for_load_state("networkidle")
        page.get_by_role("link", name="Console").first.click()
        page.wait_for_function("window.pictureAt", timeout=10_000)
        seconds = page.evaluate("(window.pictureAt - Number(sessionStorage.clicked)) / 1000")
        if number:  # the first loads what a browser keeps
            took_s.append(seconds)
    context.close()
    return Row(
        "from the click on Console to the first picture, in Chromium",
        spread(took_s),
        f"median < {ms(GOAL_PICTURE_S)} ms",
        statistics.median(took_s) < GOAL_PICTURE_S,
    )


def open_console(browser: Browser, cookies: list[dict[str, str]], url: str) -> Page:
    """Open a page with a screen and wait until it is connected."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    context.add_cookies(cookies)  # type: ignore[arg-type]  # name, value and url
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("document.querySelector('canvas')?.width > 600", timeout=20_000)
    page.wait_for_timeout(500)
    return page


@contextlib.contextmanager
def logged_in(site: Site) -> Iterator[tuple[Browser, list[dict[str, str]]]]:
    """A browser, and the cookies of somebody who has logged in."""
    visitor = Visitor(site)
    try:
        visitor.log_in()
        found = visitor.cookies()
    finally:
        visitor.close()
    cookies = [{"name": name, "value": value, "url": site.url} for name, value in found.items()]
    with chromium() as browser:
        yield browser, cookies


@contextlib.contextmanager
def plain_websockify(guest: libvirt.virDomain) -> Iterator[str]:
    """websockify and nothing else before the guest's display; give the address of a page there."""
    found = re.search(r"<listen type='socket' socket='([^']+)'", guest.XMLDesc())
    assert found, "the display has no socket"
    with tempfile.TemporaryDirectory(prefix="kvmweb-bench-") as folder:
        root, port = Path(folder), free_port()
        for name in ("core", "vendor"):
            (root / name).symlink_to(ROOT / "node_modules" / "@novnc" / "novnc" / name)
        (root / "index.html").write_text(PLAIN)
        websockify = Path(sys.executable).with_name("websockify")
        command = [str(websockify), "--web", folder, "--unix-target", found[1]]
        with process(*command, f"127.0.0.1:{port}", home=root):
            wait_until(lambda: is_listening(port), what="websockify")
            yield f"http://localhost:{port}/index.html"
