"""Take a picture of every page, light and dark, wide and narrow, with a few real guests behind it.

usage: python -m tests.support.screenshots [FOLDER]
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page
from websockets.sync.client import connect

from tests.support.browser import chromium, first_login, log_in
from tests.support.site import Site, running_site, wait_until

PASSWORD = "a very long pass phrase"
WIDTHS = {"1280": (1280, 800), "390": (390, 844)}
SCHEMES = ("light", "dark")
GUESTS = ["web-frontend", "build-runner-1", "db primary", "router & dns", "lab-02"]


def main() -> None:
    """Make a site with guests, then take every picture into the folder."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with running_site() as site, chromium() as browser:
        guests = populate(site)
        film(site, guests[0])
        page = browser.new_page()
        first_login(page, site.url, site.password, PASSWORD)
        page.close()
        site.manage("shell", "-c", f"from tests.support import past; past.invent({guests[0]!r})")
        wait_until(lambda: has_numbers(site, guests[0]), limit_s=60, what="numbers")
        for scheme, width in itertools.product(SCHEMES, WIDTHS):
            take_all(browser, site, guests, folder, scheme, width)


def populate(site: Site) -> list[str]:
    """Make guests in several states; return their ids."""
    ids = [site.create(name, user="tiny", password="tiny has a password")["id"] for name in GUESTS]
    site.manage("shell", "-c", "from vms.models import User; User.objects.create_user('carol')")
    group = site.api("POST", "groups", {"name": "Class 7b", "description": "Operating systems"})
    site.api("POST", f"groups/{group['id']}/members", {"username": "carol"})
    site.api("POST", f"vms/{ids[0]}/shares", {"username": "carol", "role": "operator"})
    site.api("POST", f"vms/{ids[0]}/shares", {"group_id": group["id"], "role": "viewer"})
    site.api("PATCH", f"vms/{ids[0]}", {"description": "The shop.\nAsk before reboot."})
    site.api("POST", f"vms/{ids[3]}/actions/pause")
    site.api("POST", f"vms/{ids[4]}/actions/power-off")
    return ids


def film(site: Site, vm_id: str) -> None:
    """Have the first guest's screen recorded for a moment."""
    site.api("PUT", f"vms/{vm_id}/recording-policy", {"policy": "always"})
    look_at(site, vm_id)
    wait_until(lambda: site.api("GET", f"recordings?vm={vm_id}")["items"][0]["state"] == "ended")


def look_at(site: Site, vm_id: str) -> None:
    """Hold a console open until its recording has a few seconds."""
    ticket = site.api("POST", f"vms/{vm_id}/console", {"kind": "vnc", "mode": "view"})
    with connect(ticket["url"], subprotocols=ticket["protocols"], max_size=None):
        wait_until(lambda: is_long(site, vm_id), limit_s=30, what="a recording")


def is_long(site: Site, vm_id: str) -> bool:
    """Say whether the guest's recording has three seconds."""
    items = site.api("GET", f"recordings?vm={vm_id}")["items"]
    return bool(items) and items[0]["duration_ms"] > 3000


def has_numbers(site: Site, vm_id: str) -> bool:
    """Say whether the guest has shown an address, so that every part of its row is there."""
    vm = site.api("GET", f"vms/{vm_id}")
    return bool(vm["numbers"]) and bool(vm["addresses"])


def pages(site: Site, guests: list[str]) -> dict[str, str]:
    """Name every page and its path."""
    template = site.api("GET", "templates")["items"][0]["id"]
    group = site.api("GET", "groups")["items"][0]["id"]
    first, off = guests[0], guests[4]
    recording = site.api("GET", "recordings")["items"][0]
    (pool,) = [one for one in site.api("GET", "pools")["items"] if one["name"] == site.name]
    volume = site.api("GET", f"pools/{pool['id']}/volumes?q=.qcow2")["items"][0]
    return {
        "guests": "/",
        "guest-new": "/guests/new/",
        "guest-new-from": f"/guests/new/{template}/",
        "guest": f"/guests/{first}/",
        "guest-charts": f"/guests/{first}/charts/?span=day",
        "guest-charts-empty": f"/guests/{off}/charts/",
        "guest-off": f"/guests/{off}/",
        "guest-console": f"/guests/{first}/console/",
        "guest-serial": f"/guests/{first}/console/#serial-0",
        "guest-console-off": f"/guests/{off}/console/",
        "guest-recordings": f"/guests/{first}/recordings/",
        "guest-recordings-empty": f"/guests/{off}/recordings/",
        "recordings": "/recordings/",
        "recording": f"/recordings/{recording['id']}/",
        "guest-settings": f"/guests/{first}/settings/",
        "guest-settings-off": f"/guests/{off}/settings/",
        "guest-sharing": f"/guests/{first}/sharing/",
        "guest-sharing-none": f"/guests/{off}/sharing/",
        "guest-links": f"/guests/{first}/links/",
        "visit": "/visit/",
        "guest-xml": f"/guests/{first}/xml/",
        "guest-history": f"/guests/{first}/history/",
        "guest-delete": f"/guests/{first}/delete/",
        "templates": "/templates/",
        "images": "/images/",
        "images-catalogue": "/images/catalogue/",
        "images-fetch": "/images/fetch/",
        "template-new": "/templates/new/",
        "template-edit": f"/templates/{template}/edit/",
        "storage": "/storage/",
        "storage-new": "/storage/new/netfs/",
        "pool": f"/storage/pools/{pool['id']}/",
        "pool-delete": f"/storage/pools/{pool['id']}/delete/",
        "volume": f"/storage/volumes/{volume['id']}/",
        "volume-new": f"/storage/pools/{pool['id']}/new/",
        "volume-resize": f"/storage/volumes/{volume['id']}/resize/",
        "volume-delete": f"/storage/volumes/{volume['id']}/delete/",
        "guest-disk-grow": f"/guests/{first}/disks/vda/grow/",
        "template-history": f"/templates/{template}/history/",
        "template-from-guest": f"/templates/from-guest/{off}/",
        "guest-cloud-init": f"/guests/{off}/cloud-init/",
        "host": "/host/?span=week",
        "people": "/people/",
        "groups": "/groups/",
        "group": f"/groups/{group}/",
        "group-add": "/groups/add/",
        "group-delete": f"/groups/{group}/delete/",
        "activity": "/activity/",
        "activity-none": "/activity/?person=nobody",
        "person-add": "/people/add/",
        "people-rules": "/people/rules/",
        "people-quotas": "/people/quotas/",
        "quota-site": "/people/quotas/site/",
        "quota-group": f"/people/quotas/groups/{group}/",
        "lease-site": "/people/leases/site/",
        "people-roster": "/people/list/",
        "people-invite": "/people/invite/",
        "account": "/account/",
        "factors": "/account/factors/",
        "factor-app": "/account/factors/app/add/",
        "factor-passkey": "/account/factors/passkeys/add/",
        "password": "/account/password/",
        "not-found": "/guests/00000000-0000-4000-8000-000000000000/",
        "api-docs": "/api/v1/docs",
    }


def take_all(
    browser: Browser, site: Site, guests: list[str], folder: Path, scheme: str, width: str
) -> None:
    """Take every page in one colour scheme and width."""
    wide, high = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": wide, "height": high},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=site.url,
    )
    page = context.new_page()
    page.goto(f"{site.url}/login/")
    shoot(page, folder / f"login-{scheme}-{width}.png")
    log_in(page, site.url, "admin", PASSWORD)
    for name, path in pages(site, guests).items():
        visit(page, path)
        shoot(page, folder / f"{name}-{scheme}-{width}.png")
    visit(page, "/")
    page.get_by_role("button", name="Gallery").or_(page.get_by_role("link", name="Gallery")).click()
    page.wait_for_load_state("networkidle")
    settle(page)
    shoot(page, folder / f"guests-gallery-{scheme}-{width}.png")
    page.get_by_role("button", name="List").or_(page.get_by_role("link", name="List")).click()
    context.close()


def visit(page: Page, path: str) -> None:
    """Open a page and wait until pictures and numbers are there."""
    page.goto(path)
    page.wait_for_load_state("load")
    settle(page)
    if path.endswith("#serial-0"):
        page.keyboard.press("Enter")
        settle(page)


def settle(page: Page) -> None:
    """Wait for two ticks of numbers, so that nothing is caught half-drawn."""
    page.wait_for_timeout(2600)


def shoot(page: Page, path: Path) -> None:
    """Write the whole page as a picture."""
    page.screenshot(path=str(path), full_page=True)
    print(path)


if __name__ == "__main__":
    main()
