"""Fetching an image and making a template of a guest, cancelled or out of space at every step.

Whatever ends it, nothing stays in the pool, the folder of uploads or the database; the job says at
which step that was and how much was missing; and the same can be asked for once more.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.place import MIB, SMALL, fill, packed
from tests.support.webserver import server  # noqa: F401 - a fixture
from vms import messages
from vms.hypervisor import domains
from vms.imaging import unpack
from vms.models import CloudInit, ImageOrigin, Job, Pool, Template, Volume
from vms.services import fetching, incoming, jobs, template_copies
from vms.services.fetching import UrlRequest
from vms.services.template_copies import CopyWish

STEPS = ("download", "verify", "unpack", "inspect", "convert", "copy")


@pytest.fixture
def disk(tmp_path_factory) -> Callable[[int], bytes]:
    """Make a packed VMDK of so many MiB that are no zeros: everything has to be done to it."""
    folder = tmp_path_factory.mktemp("disk")

    def make(size_mib: int) -> bytes:
        raw, vmdk = folder / "raw", folder / "vmdk"
        subprocess.run(["truncate", "-s", f"{size_mib}M", str(raw)], check=True)
        write = f"write -P 65 0 {size_mib}M"
        written = ["qemu-io", "-f", "raw", "-c", write, str(raw)]
        subprocess.run(written, check=True, capture_output=True)
        options = ["-o", "subformat=streamOptimized"]
        command = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", *options, str(raw), str(vmdk)]
        subprocess.run(command, check=True, capture_output=True)
        return gzip.compress(vmdk.read_bytes(), 1)

    return make


@pytest.fixture
def web(server, settings, tmp_path):  # noqa: F811 - the fixture of that name
    """A web server to fetch from; uploads lie in a folder of the test's own."""
    more = {"download_allow": ["127.0.0.0/8"], "home": tmp_path}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)
    return server


@pytest.fixture
def fetch(web, place):
    """Fetch what is served under a name into a pool; the job has ended."""
    url, routes, _asked = web

    def run(pool: Pool, name: str, data: bytes) -> Job:
        routes[f"/{name}"] = lambda h: h.part(data)
        wanted = UrlRequest(f"{url}/{name}", pool_id=pool.pk)
        return place.run(lambda: fetching.from_url(actor=place.actor, request=wanted))

    return run


@pytest.fixture
def cancel_at(monkeypatch) -> Callable[[str], None]:
    """Ask to stop when a step begins."""

    def at(step: str) -> None:
        announce = jobs.announce

        def ask(job: Job) -> None:
            if job.state == "running" and job.step == step:
                Job.objects.filter(pk=job.pk).update(is_cancel_requested=True)
            announce(job)

        monkeypatch.setattr(jobs, "announce", ask)

    return at


def require_nothing_left(place, job: Job, *pools: Pool, names: tuple[str, ...] = ()) -> None:
    """See that nothing of the job stays: on the host, in the folder, in the database."""
    assert place.settled(job)
    for pool in pools:
        assert [name for name in place.names(pool) if name not in names] == []
    assert list(incoming.folder().iterdir()) == []
    assert not ImageOrigin.objects.exists()
    assert not Volume.objects.filter(pool__in=pools).exclude(name__in=names).exists()
    assert not Template.objects.exists()


def sentence(job: Job) -> str:
    return messages.job_sentence(job.error_code, job.error_params, job.step)


def repeat(place, job: Job) -> Job:
    return place.run(lambda: jobs.repeat(actor=place.actor, job_id=job.pk))


# cancelled


@pytest.mark.parametrize("step", STEPS)
def test_fetching_that_is_cancelled_leaves_nothing_and_can_be_repeated(
    place, fetch, disk, cancel_at, monkeypatch, step
):
    pool = place.pool("a")
    with monkeypatch.context():
        cancel_at(step)
        job = fetch(pool, "disk.vmdk.gz", disk(32))
    assert (job.state, job.step) == ("cancelled", step)
    require_nothing_left(place, job, pool)
    monkeypatch.undo()
    again = repeat(place, job)
    assert (again.state, again.error_code) == ("succeeded", "")
    assert place.names(pool) == ["disk.qcow2"]


@pytest.mark.parametrize("step", ["check", "copy-disks", "clean", "template"])
def test_making_a_template_that_is_cancelled_leaves_nothing_and_can_be_repeated(
    place, web, alice, cancel_at, monkeypatch, step
):
    pool, other = place.pool("a"), place.pool("b")
    disk = place.volume(pool)
    fill(disk, 16 * MIB)
    guest = place.guest(alice, disk.path, is_started=False)
    wish = CopyWish("copied", pool=other.name)
    ask = {"actor": place.actor, "vm_id": guest.pk, "wish": wish}
    if step != "template":  # from there on it is too late
        cancel_at(step)
        job = place.run(lambda: template_copies.from_guest(**ask))
        assert (job.state, job.step) == ("cancelled", step)
        require_nothing_left(place, job, other)
        monkeypatch.undo()
        job = repeat(place, job)
    else:
        job = place.run(lambda: template_copies.from_guest(**ask))
    assert (job.state, job.error_code) == ("succeeded", "")
    assert len(place.names(other)) == Template.objects.count() == 1


# out of space in the folder of uploads


@pytest.fixture
def tight(small, settings, monkeypatch) -> Iterator[Pool]:
    """Let uploads lie on a disk of less than 64 MiB, of which 4 MiB are to stay free."""
    home = Path(small.path) / "home"
    home.mkdir()
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": home})
    monkeypatch.setattr(unpack, "RESERVE_BYTES", 4 * MIB)
    yield small
    shutil.rmtree(home)


def roomy(settings, tmp_path) -> None:
    """Let uploads lie where there is room."""
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path})


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_download_larger_than_the_disk_says_what_is_missing(
    place, web, fetch, tight, monkeypatch, is_announced
):
    """Told by its server at once, or found when the disk is full."""
    pool, data = place.pool("a"), b"A" * (80 * MIB)
    url, routes, _asked = web
    if not is_announced:
        monkeypatch.setattr(unpack, "RESERVE_BYTES", 0)

    def silent(h) -> None:
        h.start()
        h.wfile.write(data)
        h.close_connection = True

    routes["/big.raw"] = silent
    wanted = UrlRequest(f"{url}/big.raw", pool_id=pool.pk)
    if is_announced:
        job = fetch(pool, "big.raw", data)
    else:
        job = place.run(lambda: fetching.from_url(actor=place.actor, request=wanted))
    assert (job.state, job.error_code, job.step) == ("failed", "uploads-full", "download")
    assert "downloading" in sentence(job)
    assert 0 < int(job.error_params["missing_bytes"]) < 60 * MIB
    require_nothing_left(place, job, pool)


@pytest.mark.parametrize("reserve_mib", [4, 0])
@pytest.mark.parametrize("step", ["unpack", "convert"])
def test_a_disk_that_fills_up_while_a_file_is_worked_on(
    place, fetch, disk, tight, settings, tmp_path, monkeypatch, step, reserve_mib
):
    """Found by looking now and then, or by the write that fails."""
    monkeypatch.setattr(unpack, "RESERVE_BYTES", reserve_mib * MIB)
    monkeypatch.setattr(unpack, "SPACE_CHECK_BYTES", MIB)
    pool, data = place.pool("a"), disk(200)
    if step == "unpack":
        name, data = "disk.raw.gz", gzip.compress(b"AB" * (50 * MIB), 1)
    else:
        name = "disk.vmdk.gz"
    job = fetch(pool, name, data)
    assert (job.state, job.error_code, job.step) == ("failed", "uploads-full", step)
    assert messages.step(step) in sentence(job)
    assert "more are needed" in sentence(job)
    require_nothing_left(place, job, pool)
    roomy(settings, tmp_path)
    again = repeat(place, job)
    assert (again.state, again.error_code) == ("succeeded", "")


# out of space in the pool


@pytest.mark.parametrize("is_known_before", [True, False])
def test_a_pool_that_has_no_room_for_the_image(
    place, web, fetch, small, monkeypatch, is_known_before
):
    """Known before the first byte; or somebody else fills the pool meanwhile."""
    filler = Path(small.path) / "filler"
    progress = jobs.progress

    def fill_up(job: Job, done: int, total: int) -> None:
        if job.step == "copy" and not filler.exists():
            free = shutil.disk_usage(small.path).free
            filler.write_bytes(b"F" * (free - 2 * MIB))
        progress(job, done, total)

    if not is_known_before:
        monkeypatch.setattr(jobs, "progress", fill_up)
    data = b"A" * ((100 if is_known_before else 32) * MIB)
    job = fetch(small, "disk.raw", data)
    assert (job.state, job.error_code, job.step) == ("failed", "no-space", "copy")
    text = sentence(job)
    assert small.name in text
    assert messages.step("copy") in text
    assert "more are needed" in text
    assert MIB < int(job.error_params["missing_bytes"]) < 64 * MIB
    require_nothing_left(place, job, small, names=("filler", "lost+found"))
    if not is_known_before:
        monkeypatch.setattr(jobs, "progress", progress)
        filler.unlink()
        again = repeat(place, job)
        assert (again.state, again.error_code) == ("succeeded", "")
        assert "disk.raw" in place.names(small)


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_template_for_whose_copies_there_is_no_room(place, web, small, alice, is_packed):
    """Known before, or, of a disk that is packed, found while copying."""
    pool = place.pool("a")
    if is_packed:
        disk = packed(place, pool)
    else:
        disk = place.volume(pool)
        fill(disk, 100 * MIB)
    guest = place.guest(alice, disk.path, is_started=False)
    ask = {"actor": place.actor, "vm_id": guest.pk}
    wish = CopyWish("copied", pool=small.name)
    job = place.run(lambda: template_copies.from_guest(**ask, wish=wish))
    assert (job.state, job.error_code, job.step) == ("failed", "no-space", "copy-disks")
    assert messages.step("copy-disks") in sentence(job)
    assert "more are needed" in sentence(job)
    assert int(job.error_params["missing_bytes"]) > 256 * MIB - SMALL if is_packed else 30 * MIB
    require_nothing_left(place, job, small, names=("lost+found",))
    assert not CloudInit.objects.exists()
    assert domains.get(place.link, str(guest.domain_uuid)).xml.count(disk.path) == 1
    # The same once more finds the same; into a pool with room it goes.
    assert repeat(place, job).error_code == "no-space"
    job = place.run(lambda: template_copies.from_guest(**ask, wish=CopyWish("copied")))
    assert (job.state, job.error_code) == ("succeeded", "")
