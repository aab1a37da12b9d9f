"""Storage through a whole site: the server killed in the middle of a copy, a guest out of space."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from tests.support.loopdisk import loop_device
from tests.support.serial import Serial
from tests.support.site import POOLS, Site, remove_from_libvirt, running_site, wait_until

MIB = 1 << 20


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_site(KVMWEB_RECONCILE_INTERVAL_S="2") as running:
        yield running


def pool_of(site: Site, name: str) -> dict[str, object]:
    (found,) = [one for one in site.api("GET", "pools")["items"] if one["name"] == name]
    return dict(found)


def data(path: Path, size_mib: int) -> str:
    """Fill a file with noise, which no copy can skip; returns its checksum."""
    total = hashlib.sha256()
    with path.open("wb") as file:
        for _each in range(size_mib):
            block = os.urandom(MIB)
            total.update(block)
            file.write(block)
    return total.hexdigest()


def test_the_server_is_killed_in_the_middle_of_a_clone(site):
    """Acceptance 20: the job is marked interrupted, its half-made volume goes, the source stays."""
    pool = pool_of(site, site.name)
    folder = Path(str(pool["path"]))
    before = data(folder / "source.img", 700)
    site.api("POST", f"pools/{pool['id']}/refresh")
    listed = site.api("GET", f"pools/{pool['id']}/volumes?q=source.img")["items"]
    job = site.api("POST", f"volumes/{listed[0]['id']}/clone", {"name": "half.img"})
    wait_until((folder / "half.img").exists, limit_s=20, what="the copy has begun")
    site.stop(signal.SIGKILL)
    site.start()
    ended = wait_until(
        lambda: (now := site.api("GET", f"jobs/{job['id']}"))["state"] != "running" and now,
        limit_s=20,
    )
    assert (ended["state"], ended["error_code"]) == ("interrupted", "job-interrupted")
    wait_until(lambda: not (folder / "half.img").exists(), limit_s=60, what="the half goes")
    assert hashlib.sha256((folder / "source.img").read_bytes()).hexdigest() == before
    wait_until(lambda: site.api("GET", f"jobs/{job['id']}")["can_repeat"], limit_s=30)
    again = site.api("POST", f"jobs/{job['id']}/repeat")
    done = site.wait_for_job(again["id"])
    assert done["bytes_done"] == done["bytes_total"] > 0
    assert hashlib.sha256((folder / "half.img").read_bytes()).hexdigest() == before
    for name in ("source.img", "half.img"):
        (folder / name).unlink()
    site.api("POST", f"pools/{pool['id']}/refresh")


@pytest.fixture
def tight(site: Site) -> Iterator[dict[str, object]]:
    """A pool with room for hardly more than one guest."""
    name, host = f"{site.name}-tight", site.api("GET", "hosts")["items"][0]["id"]
    with loop_device(POOLS / f"{name}.loop", 64 * MIB) as device:
        spec = {"host_id": host, "name": name, "kind": "fs", "device": device, "is_formatted": True}
        try:
            yield site.api("POST", "pools", {**spec, "path": str(POOLS / name)})
        finally:
            remove_from_libvirt(name)


def test_a_guest_that_runs_out_of_space_says_so_and_goes_on_once_there_is_some(site, tight, virsh):
    vm = site.create("writes much")
    uuid = str(vm["domain_uuid"])
    volumes = site.api("GET", f"pools/{pool_of(site, site.name)['id']}/volumes?q={uuid}")
    (disk,) = [one for one in volumes["items"] if one["name"] == f"{uuid}.qcow2"]
    moved = site.api("POST", f"volumes/{disk['id']}/move", {"pool_id": tight["id"]})
    site.wait_for_job(moved["id"])  # under the guest, which boots meanwhile
    folder = Path(str(tight["path"]))
    filler = folder / "filler"
    free = os.statvfs(folder)
    filler.write_bytes(b"x" * max(0, free.f_bavail * free.f_bsize - 8 * MIB))
    serial = Serial(uuid)
    try:
        wait_until(serial.has_prompt, limit_s=90, what="the guest is up")
        serial.send("root\n")
        wait_until(lambda: "#" in serial.text[-40:], limit_s=20)
        write = "dd if=/dev/urandom of=/dev/vda bs=1M seek=20 count=24 conv=fsync"
        serial.send(f"{write} && echo all-'written'\n")
        domain = virsh.lookupByUUIDString(uuid)
        wait_until(
            lambda: domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED, limit_s=60, what="paused"
        )
        seen = wait_until(
            lambda: (now := site.api("GET", f"vms/{vm['id']}"))["state"] == "paused" and now
        )
        assert seen["state_reason"] == "no-space"
        filler.unlink()
        resumed = site.api("POST", f"vms/{vm['id']}/actions/resume")
        assert resumed["state"] == "running"
        wait_until(lambda: "all-written" in serial.text, limit_s=60, what="the guest goes on")
    finally:
        serial.close()
        site.wait_for_job(site.api("DELETE", f"vms/{vm['id']}?delete_disk=vda")["id"])
