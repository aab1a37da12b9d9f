"""A whole site on a real libvirtd: what virsh does shows, and no fault leaves anything behind."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import urllib.request

import libvirt
import pytest

from tests.support.site import POOLS, ROOT, Refusal, Site, running_site, wait_until
from tests.support.wire import Wire

pytestmark = pytest.mark.alone


def _state(site: Site, vm_id: str) -> str:
    return str(site.api("GET", f"vms/{vm_id}")["state"])


def _delete(site: Site, vm_id: str) -> None:
    site.wait_for_job(site.api("DELETE", f"vms/{vm_id}?delete_disk=vda")["id"])


def _volumes(site: Site, virsh: libvirt.virConnect) -> set[str]:
    pool = virsh.storagePoolLookupByName(site.name)
    with contextlib.suppress(libvirt.libvirtError):  # refused while a volume is being made
        pool.refresh()
    return {name for name in pool.listVolumes() if not name.startswith("tiny-linux")}


def test_what_virsh_does_shows_within_a_second(site, virsh):
    vm_id = site.create("seen")["id"]
    domain = virsh.lookupByUUIDString(vm_id)
    domain.suspend()
    wait_until(lambda: _state(site, vm_id) == "paused", limit_s=1)
    domain.resume()
    wait_until(lambda: _state(site, vm_id) == "running", limit_s=1)
    domain.destroy()
    wait_until(lambda: _state(site, vm_id) == "off", limit_s=1)
    domain.rename("seen #2 <b>")
    wait_until(lambda: site.api("GET", f"vms/{vm_id}")["name"] == "seen #2 <b>", limit_s=1)
    domain.undefine()
    wait_until(lambda: not _exists(site, vm_id), limit_s=1)
    for volume in virsh.storagePoolLookupByName(site.name).listAllVolumes():
        if volume.name().startswith(vm_id):
            volume.delete()


def _exists(site: Site, vm_id: str) -> bool:
    try:
        site.api("GET", f"vms/{vm_id}")
    except Refusal as refusal:
        assert refusal.status == 404
        return False
    return True


def test_a_domain_defined_by_virsh_shows_without_owner(site, virsh):
    xml = (
        f"<domain type='qemu'><name>{site.name}-by-hand</name><memory unit='MiB'>32</memory>"
        "<os><type arch='x86_64'>hvm</type></os></domain>"
    )
    domain = virsh.defineXML(xml)
    try:
        name = f"{site.name}-by-hand"
        found = wait_until(
            lambda: [vm for vm in site.api("GET", "vms?limit=200")["items"] if vm["name"] == name],
            limit_s=1,
        )
        assert found[0]["owner"] is None
    finally:
        domain.undefine()


def test_a_domain_with_odd_xml_is_listed_and_others_are_unaffected(site, virsh):
    xml = (
        f"<domain type='qemu'><name>{site.name}-odd</name><memory unit='b'>33554432</memory>"
        "<metadata><x:y xmlns:x='urn:odd'>&lt;b&gt;</x:y></metadata>"
        "<os><type arch='x86_64'>hvm</type></os><devices>"
        "<disk type='network' device='disk'><source protocol='nbd' name='e'>"
        "<host name='h.invalid' port='1'/></source><target dev='vda' bus='virtio'/></disk>"
        "<interface type='user'/><memballoon model='none'/></devices></domain>"
    )
    domain = virsh.defineXML(xml)
    try:
        vm = wait_until(
            lambda: next(
                (vm for vm in site.api("GET", "vms?limit=200")["items"] if "-odd" in vm["name"]),
                None,
            ),
            limit_s=2,
        )
        assert site.api("GET", f"vms/{vm['id']}")["memory_mib"] == 32
    finally:
        domain.undefine()


def test_two_unnamed_guests_at_the_same_moment_get_distinct_names_and_both_run(site):
    made: list[str] = []

    def create() -> None:
        made.append(site.create("")["id"])

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    vms = [site.api("GET", f"vms/{vm_id}") for vm_id in made]
    assert len({vm["name"] for vm in vms}) == 2
    assert {vm["state"] for vm in vms} == {"running"}
    for vm_id in made:
        _delete(site, vm_id)


def test_an_image_whose_file_vanished_fails_the_job_with_that_reason(site, virsh):
    with running_site() as own:
        (path,) = (POOLS / own.name).glob("tiny-linux*")
        path.unlink()
        with pytest.raises((AssertionError, Refusal)) as caught:
            own.create("never")
        assert "volume-not-found" in str(caught.value) or "template" in str(caught.value)
        assert own.api("GET", "vms?q=never")["items"] == []


def test_deleting_removes_disk_and_seed_and_nothing_else(site, virsh):
    kept = site.create("kept", is_started=False)["id"]
    vm_id = site.create("gone", user="tiny", password="long enough")["id"]
    _delete(site, vm_id)
    assert all(name.startswith(kept) for name in _volumes(site, virsh))
    assert f"{kept}.qcow2" in _volumes(site, virsh)
    _delete(site, kept)
    assert _volumes(site, virsh) == set()


def test_one_disk_deleted_the_other_kept(site, virsh):
    vm_id = site.create("two disks")["id"]
    pool = virsh.storagePoolLookupByName(site.name)
    volume = pool.createXML(
        f"<volume><name>{vm_id}-data.qcow2</name><capacity>1048576</capacity>"
        "<target><format type='qcow2'/></target></volume>"
    )
    virsh.lookupByUUIDString(vm_id).attachDeviceFlags(
        f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        f"<source file='{volume.path()}'/><target dev='vdx' bus='virtio'/></disk>",
        libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG,
    )

    def both() -> bool:
        disks = site.api("GET", f"vms/{vm_id}/disks")
        items = disks["items"] if isinstance(disks, dict) else disks
        return {disk["target"] for disk in items if disk["can_delete"]} == {"vda", "vdx"}

    wait_until(both, limit_s=40)
    _delete(site, vm_id)
    assert _volumes(site, virsh) == {f"{vm_id}-data.qcow2"}
    volume.delete()


def test_a_second_server_on_the_same_home_is_refused_with_the_reason(site):
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "serve", "--port", "0"],
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "already" in done.stderr + done.stdout
    assert site.is_healthy()


def test_a_killed_server_leaves_no_half_made_guest(virsh):
    with running_site() as own:
        for number in range(6):
            own.create(f"half {number}", wait=False, user="tiny", password="long enough")
        own.stop(signal.SIGKILL)
        own.start()
        wait_until(lambda: not own.api("GET", "jobs?state=running")["items"], limit_s=60)

        def clean() -> bool:
            jobs = own.api("GET", "jobs?limit=50")["items"]
            alive = {vm["id"] for vm in own.api("GET", "vms?limit=200")["items"]}
            ended = all(job["state"] in {"succeeded", "interrupted"} for job in jobs)
            files = {name[:36] for name in _volumes(own, virsh)}
            return ended and files <= alive

        wait_until(clean, limit_s=60, what="no leftovers")
        assert own.create("after")["id"]


def test_ctrl_c_ends_the_site_within_5_s_and_no_guest(virsh):
    with running_site() as own:
        vm_id = own.create("survivor")["id"]
        assert own.stop() < 5
        assert virsh.lookupByUUIDString(vm_id).isActive()


def test_a_host_that_goes_away_is_told_and_comes_back_by_itself(tmp_path):
    path = tmp_path / "libvirt-sock"
    with contextlib.ExitStack() as stack:
        with Wire(path) as wire:
            own = stack.enter_context(running_site(uri=wire.uri))
            vm_id = own.create("steady")["id"]
        host = wait_until(lambda: _host(own, "away"), limit_s=15)
        assert host["status_since"]
        assert _state(own, vm_id) == "running"
        with urllib.request.urlopen(f"{own.url}/login/", timeout=2) as answer:
            assert answer.status == 200
        with pytest.raises(Refusal) as caught:
            own.api("POST", f"vms/{vm_id}/actions/pause")
        assert caught.value.status in {409, 503}
        assert caught.value.problem["detail"]
        stack.enter_context(Wire(path))
        wait_until(lambda: _host(own, "connected"), limit_s=30)
        own.api("POST", f"vms/{vm_id}/actions/pause")
        assert _state(own, vm_id) == "paused"


def _host(site: Site, status: str) -> dict[str, object] | None:
    host = site.api("GET", "hosts")["items"][0]
    return dict(host) if host["status"] == status else None
