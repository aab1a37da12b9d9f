"""Images on a whole site with a real libvirtd: byte for byte in and out, whatever breaks."""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import http.client
import http.server
import os
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from tests.imaging.conftest import make_iso
from tests.support.site import POOLS, TINY_IMAGE, Refusal, Site, running_site, wait_until
from tests.support.tus import Tus, make_file

MIB = 1 << 20
TINY = "tiny-linux"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that may fetch images from the loopback."""
    with running_site(KVMWEB_DOWNLOAD_ALLOW="127.0.0.0/8") as running:
        yield running


@pytest.fixture
def tus(site) -> Tus:
    """A client of the site."""
    return Tus(site)


def files(site: Site) -> set[str]:
    """What lies in the pool's folder besides the first image."""
    return {path.name for path in (POOLS / site.name).iterdir() if TINY not in path.name}


def waiting(site: Site) -> list[str]:
    """What lies in the folder of uploads."""
    folder = site.home / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def image_of(site: Site, name: str) -> dict[str, Any]:
    found = [each for each in site.api("GET", "images?limit=500")["items"] if each["name"] == name]
    assert found, name
    return dict(site.api("GET", f"images/{found[0]['id']}"))


def delete(site: Site, name: str) -> None:
    site.api("DELETE", f"images/{image_of(site, name)['id']}")
    assert name not in files(site)


def test_two_gigabytes_cut_in_the_middle_go_on_and_arrive_byte_for_byte(site, tus, tmp_path):
    file = make_file(tmp_path / "big one.raw", (2 << 30) + 12_345)
    path = tus.create(file.name, file.stat().st_size)
    tus.send(path, file, cut_at=900 * MIB)
    offset = wait_until(lambda: tus.offset(path) if tus.offset(path) > 800 * MIB else 0)
    job = tus.ended(tus.send(path, file, offset))
    assert job["state"] == "succeeded", job
    there = POOLS / site.name / "big-one.raw"
    assert filecmp.cmp(file, there, shallow=False)
    assert there.stat().st_blocks * 512 < 64 * MIB
    found = image_of(site, "big-one.raw")
    with file.open("rb") as source:
        assert found["checksum"] == f"sha256:{hashlib.file_digest(source, 'sha256').hexdigest()}"
    assert found["can_delete"]
    assert waiting(site) == []
    delete(site, "big-one.raw")


@pytest.mark.parametrize("format", ["vmdk", "vdi", "vhdx"])
def test_a_foreign_disk_becomes_a_qcow2_with_the_same_contents(site, tus, tmp_path, format):
    raw, foreign = make_file(tmp_path / "x.raw", 40 * MIB), tmp_path / f"x.{format}"
    command = ["qemu-img", "convert", "-f", "raw", "-O", format, str(raw), str(foreign)]
    subprocess.run(command, check=True)
    job = tus.upload(foreign)
    assert job["state"] == "succeeded", job
    there = POOLS / site.name / "x.qcow2"
    compare = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", str(raw), str(there)]
    subprocess.run(compare, check=True, capture_output=True)
    assert waiting(site) == []
    delete(site, "x.qcow2")


def test_packed_images_and_cds_come_in_as_what_they_are(site, tus, tmp_path):
    disk = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1G"], check=True)
    before = disk.read_bytes()
    for program, ending in (("gzip", "gz"), ("xz", "xz"), ("zstd", "zst")):
        subprocess.run([program, "-q", "-k", str(disk)], check=True)
        job = tus.upload(Path(f"{disk}.{ending}"))
        assert job["state"] == "succeeded", job
        assert (POOLS / site.name / "disk.qcow2").read_bytes() == before
        delete(site, "disk.qcow2")
    cd = tmp_path / "debian.iso"
    cd.write_bytes(make_iso("Debian 12.5.0 amd64 n", boot=True))
    assert tus.upload(cd)["state"] == "succeeded"
    found = image_of(site, "debian.iso")
    assert (found["kind"], found["os_id"], found["is_bootable"]) == ("iso", "debian12", True)
    assert found["proposal"]["disk_bus"] == "virtio"
    delete(site, "debian.iso")


def test_a_name_that_is_taken_gets_a_number_and_the_old_image_stays(site, tus, tmp_path):
    first, second = make_file(tmp_path / "a.raw", MIB), make_file(tmp_path / "b.raw", 2 * MIB)
    tus.upload(first, name="same.raw")
    assert tus.upload(second, name="same.raw")["target_name"] == "same-2.raw"
    assert filecmp.cmp(first, POOLS / site.name / "same.raw", shallow=False)
    assert filecmp.cmp(second, POOLS / site.name / "same-2.raw", shallow=False)
    delete(site, "same.raw")
    delete(site, "same-2.raw")


def test_what_is_refused_leaves_nothing_in_the_pool(site, tus, tmp_path):
    top = tmp_path / "top.qcow2"
    base = make_file(tmp_path / "base.raw", MIB)
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(top)]
    subprocess.run(command, check=True)
    absurd = tmp_path / "absurd.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(absurd), "1M"], check=True)
    with absurd.open("r+b") as file:
        file.seek(24)
        file.write((1 << 60).to_bytes(8, "big"))
    for path, code in ((top, "image-has-backing"), (absurd, "image-absurd-size")):
        job = tus.upload(path)
        assert (job["state"], job["error_code"]) == ("failed", code)
    assert files(site) == set()
    assert waiting(site) == []


def test_a_volume_comes_back_whole_and_in_parts(site, tus, tmp_path):
    file = make_file(tmp_path / "out.raw", 70 * MIB + 3)
    tus.upload(file)
    data = file.read_bytes()
    address = f"{site.url}/api/v1/volumes/{image_of(site, 'out.raw')['id']}/content"
    for wanted, status, expected in (
        ("", 200, data),
        ("bytes=0-9", 206, data[:10]),
        (f"bytes={5 * MIB}-{6 * MIB}", 206, data[5 * MIB : 6 * MIB + 1]),
        ("bytes=-7", 206, data[-7:]),
        (f"bytes={len(data) - 1}-", 206, data[-1:]),
    ):
        headers = {"Authorization": f"Bearer {site.token}", **({"Range": wanted} if wanted else {})}
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == status
            assert answer.headers["Content-Disposition"].endswith("''out.raw")
            assert answer.read() == expected, wanted
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    usual = {"Authorization": f"Bearer {site.token}"}
    connection.request(
        "GET", address[len(site.url) :], headers=usual | {"Range": "bytes=999999999-"}
    )
    assert connection.getresponse().status == 416
    connection.close()
    lines = site.api("GET", "audit?action=volume.download")["items"]
    assert {line["result"] for line in lines} >= {"succeeded"}
    delete(site, "out.raw")


def test_clients_who_go_away_let_the_host_go(site, tus, tmp_path):
    """Each download has a connection to the host and a seat: none may stay taken."""
    file = make_file(tmp_path / "left.raw", 600 * MIB)
    tus.upload(file)
    path = f"/api/v1/volumes/{image_of(site, 'left.raw')['id']}/content"
    usual = {"Authorization": f"Bearer {site.token}"}
    for _each in range(6):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
        connection.request("GET", path, headers=usual)
        answer = connection.getresponse()
        assert answer.status in {200, 503}
        answer.read(100_000)
        answer.close()
        connection.close()

    def whole() -> bool:
        request = urllib.request.Request(site.url + path, headers=usual)
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=60) as got:
            return hashlib.file_digest(got, "sha256").digest() == _digest(file)
        return False

    assert wait_until(whole, limit_s=60)
    phases = {line["result"] for line in site.api("GET", "audit?action=volume.download")["items"]}
    assert phases >= {"failed", "succeeded"}
    delete(site, "left.raw")


def _digest(file: Path) -> bytes:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").digest()


@pytest.fixture
def elsewhere(tmp_path) -> Iterator[tuple[str, Path]]:
    """A web server with the files of a folder; its address and the folder."""
    folder = tmp_path / "www"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_args: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_an_image_from_an_address_is_verified_and_a_wrong_one_refused(site, tus, elsewhere):
    url, folder = elsewhere
    disk = folder / "cloud.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1G"], check=True)
    right = hashlib.sha256(disk.read_bytes()).hexdigest()
    wanted = {"url": f"{url}/cloud.qcow2", "checksum": right}
    job = tus.ended(site.api("POST", "images/fetch", wanted)["id"])
    assert job["state"] == "succeeded", job
    found = image_of(site, "cloud.qcow2")
    assert (found["source"], found["is_verified"]) == ("url", True)
    assert (POOLS / site.name / "cloud.qcow2").read_bytes() == disk.read_bytes()
    delete(site, "cloud.qcow2")
    wrong = {"url": f"{url}/cloud.qcow2", "checksum": "0" * 64}
    job = tus.ended(site.api("POST", "images/fetch", wanted | wrong)["id"])
    assert (job["state"], job["error_code"]) == ("failed", "checksum-wrong")
    assert files(site) == set()
    assert waiting(site) == []


def test_the_catalogue_brings_an_image_and_a_template_whose_guests_run(elsewhere, tmp_path, virsh):
    url, folder = elsewhere
    (folder / "tiny.img").write_bytes(TINY_IMAGE.read_bytes())
    digest = hashlib.sha512((folder / "tiny.img").read_bytes()).hexdigest()
    (folder / "SHA512SUMS").write_text(f"{digest}  tiny.img\n")
    listed = tmp_path / "catalogue.yaml"
    listed.write_text(
        f"- id: tiny\n  name: Tiny of the catalogue\n  user: tiny\n  memory_mib: 128\n"
        f"  images: {{x86_64: {{url: '{url}/tiny.img', checksum_url: '{url}/SHA512SUMS'}}}}\n"
    )
    more = {"KVMWEB_CATALOGUE": str(listed), "KVMWEB_DOWNLOAD_ALLOW": "127.0.0.0/8"}
    with running_site(**more) as own:
        (entry,) = own.api("GET", "images/catalogue/entries")
        job = own.api("POST", "images/catalogue/fetch", {"entry_id": entry["id"]})
        assert Tus(own).ended(job["id"])["state"] == "succeeded"
        templates = {each["name"]: each for each in own.api("GET", "templates")["items"]}
        template = templates["Tiny of the catalogue"]
        assert (template["is_valid"], template["default_user"]) == (True, "tiny")
        body = {"template_id": template["id"], "name": "from the catalogue"}
        made = own.api("POST", "vms", body)
        own.wait_for_job(made["job"]["id"])
        assert virsh.lookupByUUIDString(made["vm"]["domain_uuid"]).isActive()
        with pytest.raises(Refusal) as caught:
            own.api("DELETE", f"images/{image_of(own, 'tiny.qcow2')['id']}")
        assert caught.value.problem["code"] == "image-used"


def test_a_job_cancelled_at_each_step_leaves_nothing(site, tus, tmp_path):
    file = make_file(tmp_path / "long.raw", 3 << 30, dense=250 * MIB)
    packed = tmp_path / "long.raw.zst"
    subprocess.run(["zstd", "-q", "-1", str(file), "-o", str(packed)], check=True)
    for step in ("", "unpack", "copy"):
        path = tus.create(packed.name, packed.stat().st_size)
        job_id = tus.send(path, packed)

        def at_step(job_id: str = job_id, step: str = step) -> str:
            job = site.api("GET", f"jobs/{job_id}")
            return job["step"] if job["step"] == step or job["state"] != "running" else ""

        if step:
            assert wait_until(at_step, limit_s=90) == step
        site.api("POST", f"jobs/{job_id}/cancel")
        job = tus.ended(job_id)
        assert job["state"] == "cancelled", (step, job)
        assert waiting(site) == []
        assert files(site) == set()


def test_a_killed_server_leaves_nothing_half_made_and_keeps_what_was_sent(virsh, tmp_path):
    file = make_file(tmp_path / "big.raw", 1 << 30, dense=250 * MIB)
    with running_site() as own:
        tus = Tus(own)
        half = tus.create("half.raw", file.stat().st_size)
        tus.send(half, file, cut_at=100 * MIB)
        job_id = tus.send(tus.create("whole.raw", file.stat().st_size), file)
        wait_until(lambda: own.api("GET", f"jobs/{job_id}")["step"] == "copy", limit_s=60)
        own.stop(signal.SIGKILL)
        own.start()
        job = own.api("GET", f"jobs/{job_id}")
        assert job["state"] == "interrupted", job
        wait_until(lambda: files(own) == set(), limit_s=60, what="no half-made volume")
        assert waiting(own) == [half.rpartition("/")[2]]
        assert tus.offset(half) >= 90 * MIB
        job = tus.ended(tus.send(half, file, tus.offset(half)))
        assert job["state"] == "succeeded", job
        assert filecmp.cmp(file, POOLS / own.name / "half.raw", shallow=False)


@pytest.fixture
def small_pool(site, virsh, tmp_path) -> Iterator[tuple[str, libvirt.virStoragePool]]:
    """A pool of 64 MiB on a loop device: its id on the site, and itself."""
    disk, mount = tmp_path / "small.img", POOLS / f"{site.name}-small"
    with disk.open("wb") as out:
        out.truncate(64 * MIB)
    subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True)
    mount.mkdir(parents=True)
    subprocess.run(["mount", "-o", "loop", str(disk), str(mount)], check=True)
    name = f"{site.name}-small"
    pool = virsh.storagePoolDefineXML(
        f"<pool type='dir'><name>{name}</name><target><path>{mount}</path></target></pool>"
    )
    pool.create()
    try:
        known = wait_until(
            lambda: [each for each in site.api("GET", "pools")["items"] if each["name"] == name],
            limit_s=40,
        )
        yield known[0]["id"], pool
    finally:
        with contextlib.suppress(libvirt.libvirtError):
            pool.destroy()
        pool.undefine()
        subprocess.run(["umount", str(mount)], check=False)
        mount.rmdir()


def test_a_pool_that_fills_up_or_stops_ends_the_job_and_keeps_nothing(
    site, tus, small_pool, tmp_path
):
    pool_id, pool = small_pool
    mount = POOLS / pool.name()
    large = tmp_path / "large.raw"
    large.write_bytes(os.urandom(100 * MIB))
    job = tus.upload(large, pool=pool_id)
    assert (job["state"], job["error_code"]) == ("failed", "no-space")
    # What looks as if it fitted and does not: libvirt has not looked into the pool again.
    fits = tmp_path / "fits.raw"
    fits.write_bytes(os.urandom(40 * MIB))
    (mount / "filler").write_bytes(bytes(range(256)) * 4096 * 30)
    job = tus.upload(fits, pool=pool_id)
    assert (job["state"], job["step"]) == ("failed", "copy")
    assert job["error_code"] in {"no-space", "operation-failed"}
    (mount / "filler").unlink()
    assert {path.name for path in mount.iterdir()} <= {"lost+found"}
    path = tus.create("late.raw", fits.stat().st_size, pool=pool_id)
    pool.destroy()
    job = tus.ended(tus.send(path, fits))
    assert (job["state"], job["error_code"]) == ("failed", "pool-inactive")
    assert waiting(site) == []
