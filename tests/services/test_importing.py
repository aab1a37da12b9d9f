"""Bringing a file in, up to the pool: what is refused leaves nothing behind.

The test driver takes no uploads, so the copy itself is tested with a real libvirtd.
"""

from __future__ import annotations

import gzip
import subprocess
import uuid
from pathlib import Path

import pytest

import vms.worker.jobs  # noqa: F401 - registers the runner
from tests.imaging.conftest import make_iso
from vms.hypervisor import storage
from vms.models import AuditEntry, ImageOrigin, Job, Pool, Upload
from vms.policy import Person
from vms.problems import Forbidden, NotFound, Refused
from vms.services import hosts, incoming, uploads
from vms.services.uploads import UploadRequest


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path, "pool": "default-pool"})


@pytest.fixture
def send(admin, test_host, django_capture_on_commit_callbacks):
    """Upload bytes under a name as the administrator; return the job, ended."""

    def make(filename: str, data: bytes, **more: str) -> Job:
        actor = Person(admin)
        wanted = UploadRequest(filename=filename, size_bytes=len(data), **more)
        state = uploads.begin(actor=actor, request=wanted)
        state.path.write_bytes(data)
        with django_capture_on_commit_callbacks(execute=True):
            job = uploads.complete(actor=actor, upload_id=state.id)
        return Job.objects.get(pk=job.pk)

    return make


def image_bytes(folder: Path, format: str, *, size: str = "1M", backing: str = "") -> bytes:
    path = folder / f"{uuid.uuid4()}.tmp"
    more = ["-F", "raw", "-b", backing] if backing else []
    subprocess.run(["qemu-img", "create", "-q", "-f", format, *more, str(path), size], check=True)
    data = path.read_bytes()
    path.unlink()
    return data


def left_over(host) -> list[str]:
    return [path.name for path in incoming.folder().iterdir()]


CASES = {
    "not-as-named": ("x.iso", lambda folder: b"text" * 20_000, "image-not-as-named"),
    "backing": (
        "x.qcow2",
        lambda folder: image_bytes(folder, "qcow2", backing=str(_raw(folder))),
        "image-has-backing",
    ),
    "absurd": (
        "x.qcow2",
        lambda folder: _absurd(image_bytes(folder, "qcow2")),
        "image-absurd-size",
    ),
    "qcow2-as-raw": ("x.raw", lambda folder: image_bytes(folder, "qcow2"), "image-not-as-named"),
    "cut": ("x.iso", lambda folder: make_iso("X")[:40_000], "image-truncated"),
    "not-packed": ("x.raw.gz", lambda folder: b"x" * 1000, "image-not-as-named"),
    "bad-gz": ("x.raw.gz", lambda folder: gzip.compress(b"x" * 9999)[:-9], "image-damaged"),
    "packed-lie": ("x.iso.gz", lambda folder: gzip.compress(b"x" * 9999), "image-not-as-named"),
    "ova": ("x.ova", lambda folder: b"x" * 2000, "image-not-as-named"),
}


def _raw(folder: Path) -> Path:
    path = folder / "secret.raw"
    path.write_bytes(b"x" * 1024)
    return path


def _absurd(data: bytes) -> bytes:
    return data[:24] + (1 << 60).to_bytes(8, "big") + data[32:]


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_trusted_is_refused_and_nothing_is_left(send, tmp_path, test_host, case):
    filename, make, code = CASES[case]
    job = send(filename, make(tmp_path))
    assert (job.state, job.error_code) == ("failed", code)
    assert left_over(test_host) == []
    assert job.undo == []
    link = hosts.connection(test_host)
    assert not [v for v in storage.list_volumes(link, "default-pool") if v.name.startswith("x")]
    assert not ImageOrigin.objects.exists()
    assert AuditEntry.objects.filter(action="image.upload", phase="refused").exists()


def test_a_bomb_ends_at_the_limit(send, settings, test_host):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"image_max_gib": 1})
    job = send("x.raw.gz", gzip.compress(bytes(1 << 20)) * 1025)
    assert (job.state, job.error_code) == ("failed", "image-too-large")
    assert left_over(test_host) == []


def test_a_wrong_checksum_is_told_with_both(send, test_host):
    job = send("x.raw", b"x" * 2000, checksum="a" * 64)
    assert (job.state, job.error_code) == ("failed", "checksum-wrong")
    assert job.error_params["wanted"] == "sha256:" + "a" * 64
    assert left_over(test_host) == []


@pytest.mark.parametrize("format", ["vmdk", "vdi", "vhdx", "qcow2"])
def test_a_good_image_gets_as_far_as_the_pool(send, tmp_path, test_host, format):
    job = send(f"x.{format}", image_bytes(tmp_path, format))
    assert (job.step, job.error_code) == ("copy", "unsupported")
    assert left_over(test_host) == []
    assert job.undo == []


def test_a_file_that_is_not_whole_is_not_brought_in(admin, test_host):
    wanted = UploadRequest(filename="x.raw", size_bytes=10)
    state = uploads.begin(actor=Person(admin), request=wanted)
    state.path.write_bytes(b"x" * 9)
    with pytest.raises(Refused):
        uploads.complete(actor=Person(admin), upload_id=state.id)
    assert Upload.objects.exists()


def test_a_pool_that_went_away_meanwhile_ends_the_job(send, test_host, monkeypatch):
    original = uploads.complete

    def gone(**more):
        job = original(**more)
        Pool.objects.filter(name="default-pool").delete()
        return job

    monkeypatch.setattr(uploads, "complete", gone)
    job = send("x.raw", b"x" * 2000)
    assert (job.state, job.error_code) == ("failed", "unknown-pool")


def test_mallory_begins_nothing_and_finds_nothing(admin, mallory, test_host):
    wanted = UploadRequest(filename="x.raw", size_bytes=10)
    with pytest.raises(Forbidden):
        uploads.begin(actor=Person(mallory), request=wanted)
    state = uploads.begin(actor=Person(admin), request=wanted)
    for verb in (uploads.look, uploads.complete, uploads.discard, uploads.received):
        with pytest.raises(NotFound):
            verb(actor=Person(mallory), upload_id=state.id)
    assert Upload.objects.count() == 1
