"""Twenty guests at once: two people through the API, and the same by hand with raw calls in a loop.

Those that run already boot, and take the processor from those that are still to be made; so it is
with the hand's.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import libvirt

from tests.bench.create import Hand
from tests.bench.live import libvirt_connection
from tests.bench.table import Row
from tests.support.site import Site, running_site, wait_until

PEOPLE = ("alice", "bob")
EACH = 10
MEMORY_MIB = 64
ROUNDS = 2
LIMIT_S = 300.0
POLL_S = 0.02
GOAL_RATIO = 1.3


def measure() -> Iterator[Row]:
    """Give a row for either way and one for the ratio."""
    with running_site() as site, libvirt_connection() as host:
        tokens = [token_of(site, name) for name in PEOPLE]
        by_api, by_hand = rounds(site, tokens, host)
    api_s, hand_s = statistics.mean(by_api), statistics.mean(by_hand)
    count = EACH * len(PEOPLE)
    yield Row(f"{count} guests by two people at once, until all run", words(by_api))
    yield Row("... the same by hand with raw libvirt calls in a loop", words(by_hand))
    yield Row(
        "... ratio of the means",
        f"{api_s / hand_s:.2f} times",
        f"<= {GOAL_RATIO} times",
        api_s / hand_s <= GOAL_RATIO,
    )


def words(took_s: list[float]) -> str:
    """Word seconds as median and range."""
    return f"mean {statistics.mean(took_s):.1f} s ({min(took_s):.1f} to {max(took_s):.1f})"


def token_of(site: Site, username: str) -> str:
    """Make an account and return a token of it."""
    code = f"from vms.models import User; User.objects.create_user(username={username!r})"
    site.manage("shell", "-c", code)
    return site.manage("create_token", username).strip()


def rounds(
    site: Site, tokens: list[str], host: libvirt.virConnect
) -> tuple[list[float], list[float]]:
    """Make all of them each way in every round, in turns of order."""
    template_id = site.api("GET", "templates")["items"][0]["id"]
    first = ask(site, tokens[0], template_id, "warm-up")
    site.wait_for_job(first["job"]["id"])
    xml = host.lookupByUUIDString(first["vm"]["id"]).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    remove(site, host)
    hand = Hand(host, host.storagePoolLookupByName(site.name), xml)
    hand.make()
    by_api: list[float] = []
    by_hand: list[float] = []
    for number in range(ROUNDS):
        if number % 2:
            by_hand.append(make_by_hand(hand))
        by_api.append(make_by_api(site, tokens, template_id, host))
        if not number % 2:
            by_hand.append(make_by_hand(hand))
    return by_api, by_hand


def make_by_hand(hand: Hand) -> float:
    """Make all of them one after the other, and remove them; return the seconds of making."""
    twins = [hand.prepare() for _each in range(EACH * len(PEOPLE))]
    try:
        began_s = time.perf_counter()
        for twin in twins:
            hand.build(twin)
        return time.perf_counter() - began_s
    finally:
        for twin in twins:
            hand.remove(twin)


def make_by_api(site: Site, tokens: list[str], template_id: str, host: libvirt.virConnect) -> float:
    """Let everybody ask for his guests at the same time; return the seconds until all run."""

    def ask_for_all(token: str) -> list[dict[str, Any]]:
        return [ask(site, token, template_id, f"guest {number}") for number in range(EACH)]

    try:
        began_s = time.perf_counter()
        with ThreadPoolExecutor(len(tokens)) as people:
            made = [each for asked in people.map(ask_for_all, tokens) for each in asked]
        waiting = [each["vm"]["id"] for each in made]
        while waiting and time.perf_counter() - began_s < LIMIT_S:
            time.sleep(POLL_S)
            waiting = [vm_id for vm_id in waiting if not runs(host, vm_id)]
        took_s = time.perf_counter() - began_s
        for each in made:
            site.wait_for_job(each["job"]["id"])
        return took_s
    finally:
        remove(site, host)


def ask(site: Site, token: str, template_id: str, name: str) -> dict[str, Any]:
    """Ask for a guest as the owner of a token; return the answer."""
    body = {"template_id": template_id, "name": name, "memory_mib": MEMORY_MIB}
    request = urllib.request.Request(
        f"{site.url}/api/v1/vms",
        method="POST",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def runs(host: libvirt.virConnect, vm_id: str) -> bool:
    """Say whether libvirt has a guest running."""
    with contextlib.suppress(libvirt.libvirtError):
        return bool(host.lookupByUUIDString(vm_id).isActive())
    return False


def remove(site: Site, host: libvirt.virConnect) -> None:
    """Remove the guests that were made here with their disks; what else the host has is not owned.

    First they are turned off by hand: while twenty boot, the host may answer nobody for seconds.
    """
    guests = owned(site)
    for vm in guests:
        with contextlib.suppress(libvirt.libvirtError):
            host.lookupByUUIDString(vm["id"]).destroy()
    wait_until(site.is_healthy, limit_s=LIMIT_S, what="the host answers")
    for vm in guests:
        site.api("DELETE", f"vms/{vm['id']}?delete_disk=vda")
    wait_until(lambda: not owned(site), limit_s=LIMIT_S)


def owned(site: Site) -> list[dict[str, Any]]:
    """List the guests that somebody of this site owns."""
    return [vm for vm in site.api("GET", "vms?limit=500")["items"] if vm["owner"]]
