"""Somebody whose account is closed while he works: everything that he has open ends."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed

from tests.bench.visitor import Visitor
from tests.support.site import Site

pytestmark = pytest.mark.alone

ALICE = """
from vms.models import User
from vms.policy import Person
from vms.services import tokens
alice = User.objects.create_user(username="alice", password="alice has a long one")
print(alice.pk, tokens.create(actor=Person(alice), user=alice, name="t")[1])
"""
LIMIT_S = 5.0


def close_code(read: Callable[[], object]) -> int:
    """Read until the socket is closed; return its code."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        try:
            read()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code
    raise AssertionError("still open")


def test_session_sockets_console_and_token_end_within_five_seconds(site: Site) -> None:
    user_id, secret = site.manage("shell", "-v", "0", "-c", ALICE).split()
    guest = site.create("hers")
    site.api("PUT", f"vms/{guest['id']}/owner", {"owner_id": user_id})
    admin, alice = Visitor(site), Visitor(site)
    admin.log_in()
    alice.log_in_as("alice", "alice has a long one")
    status, console = alice.status_socket(), alice.console(guest["id"])
    assert console.recv(timeout=10) == b"RFB 003.008\n"
    assert token_status(site, secret) == 200
    began_s = time.monotonic()
    admin.send_form(f"/people/{user_id}/deactivate/", {"heir": "nobody"})
    assert token_status(site, secret) == 401
    assert close_code(lambda: status.recv(timeout=LIMIT_S)) == 4401
    assert close_code(lambda: console.recv(timeout=LIMIT_S)) in {4401, 4403}
    assert time.monotonic() - began_s < LIMIT_S
    assert alice.get("/").status == 302
    assert site.api("GET", f"vms/{guest['id']}")["owner"] is None
    for visitor in (admin, alice):
        visitor.close()


def token_status(site: Site, secret: str) -> int:
    request = urllib.request.Request(
        f"{site.url}/api/v1/me", headers={"Authorization": f"Bearer {secret}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture(autouse=True)
def _clean(site: Site):
    yield
    for vm in site.api("GET", "vms?limit=200")["items"]:
        if vm["name"] == "hers":
            site.wait_for_job(site.api("DELETE", f"vms/{vm['id']}?delete_disk=vda")["id"])
