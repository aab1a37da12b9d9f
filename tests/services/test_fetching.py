"""Images from elsewhere, from asking to the door of the pool; the test driver takes no uploads."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

import vms.worker.jobs  # noqa: F401 - registers the runner
from tests.support.webserver import server  # noqa: F401 - a fixture
from vms.models import Job, Template
from vms.policy import Person
from vms.problems import Forbidden, Invalid, Refused
from vms.services import fetching, incoming, jobs
from vms.services.fetching import UrlRequest


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    more = {"home": tmp_path, "pool": "default-pool", "download_allow": ["127.0.0.0/8"]}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)


@pytest.fixture
def disk(tmp_path) -> bytes:
    """A small qcow2."""
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1M"], check=True)
    data = path.read_bytes()
    path.unlink()
    return data


@pytest.fixture
def web(server, disk, settings, tmp_path):  # noqa: F811 - the fixture of that name
    """A server with the disk and its checksum, and a catalogue that names them."""
    url, routes, asked = server
    digest = hashlib.sha512(disk).hexdigest()
    routes["/d.qcow2"] = lambda h: h.part(disk)
    routes["/SUMS"] = lambda h: h.part(f"{digest}  d.qcow2\n".encode())
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        "- id: d\n  name: The disk\n  user: me\n  memory_mib: 64\n"
        f"  images: {{x86_64: {{url: '{url}/d.qcow2', checksum_url: '{url}/SUMS'}}}}\n"
    )
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"catalogue": path})
    return url, routes, asked


@pytest.fixture
def fetch(admin, test_host, django_capture_on_commit_callbacks):
    """Ask as the administrator: fetch("entry") or fetch(url="..."); return the job, ended."""

    def make(entry_id: str = "", **request: str) -> Job:
        actor = Person(admin)
        with django_capture_on_commit_callbacks(execute=True):
            if entry_id:
                job = fetching.from_catalogue(actor=actor, entry_id=entry_id)
            else:
                job = fetching.from_url(actor=actor, request=UrlRequest(**request))
        return Job.objects.get(pk=job.pk)

    return make


def left_over() -> list[str]:
    return [path.name for path in incoming.folder().iterdir()]


def test_an_image_of_the_catalogue_is_verified_and_gets_as_far_as_the_pool(web, fetch):
    job = fetch("d-x86_64")
    assert (job.step, job.error_code) == ("copy", "unsupported")
    assert left_over() == []
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    ("sums", "code"),
    [
        (f"{'0' * 128}  d.qcow2\n", "checksum-wrong"),
        (f"{'0' * 128}  other.qcow2\n", "checksum-missing"),
        ("<html>moved</html>", "checksum-missing"),
        ("", "checksum-missing"),
    ],
)
def test_a_checksum_that_is_wrong_or_not_there_ends_it(web, fetch, sums, code):
    _url, routes, asked = web
    routes["/SUMS"] = lambda h: h.part(sums.encode())
    job = fetch("d-x86_64")
    assert (job.state, job.error_code) == ("failed", code)
    assert left_over() == []
    if code == "checksum-missing":
        assert [path for path, _range in asked] == ["/SUMS"]  # not even begun


def test_a_page_about_an_error_in_place_of_an_image_is_refused(web, fetch):
    url, routes, _asked = web
    routes["/d.qcow2"] = lambda h: h.part(b"<html>not found, but 200</html>")
    assert fetch(url=f"{url}/d.qcow2").error_code == "image-not-as-named"
    assert left_over() == []


def test_a_server_that_is_not_public_is_not_asked(web, fetch, settings):
    url, _routes, asked = web
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"download_allow": []})
    assert fetch(url=f"{url}/d.qcow2").error_code == "url-forbidden"
    assert asked == []


def test_a_wish_to_stop_is_heard_in_the_middle_and_nothing_is_left(web, fetch, monkeypatch):
    url, routes, _asked = web
    monkeypatch.setattr(jobs, "PROGRESS_S", 0.0)

    tell = jobs.announce

    def stop_while_it_comes(job: Job) -> None:
        tell(job)
        if job.bytes_done:
            Job.objects.update(is_cancel_requested=True)

    monkeypatch.setattr(jobs, "announce", stop_while_it_comes)
    routes["/d.qcow2"] = lambda h: h.part(bytes(4 << 20))
    job = fetch(url=f"{url}/d.qcow2")
    assert job.state == "cancelled"
    assert left_over() == []


def test_what_failed_can_be_asked_for_again(web, fetch, admin, django_capture_on_commit_callbacks):
    _url, routes, _asked = web
    good = routes.pop("/SUMS")
    routes["/SUMS"] = lambda h: h.start(404, Content_Length="0")
    job = fetch("d-x86_64")
    assert job.error_code == "url-status"
    routes["/SUMS"] = good
    with django_capture_on_commit_callbacks(execute=True):
        again = jobs.repeat(actor=Person(admin), job_id=job.pk)
    assert Job.objects.get(pk=again.pk).error_code == "unsupported"


def test_the_same_image_is_not_fetched_twice_at_once_nor_too_many(web, fetch, test_host):
    job = fetch("d-x86_64")
    Job.objects.filter(pk=job.pk).update(state="running")
    with pytest.raises(Refused) as caught:
        fetch("d-x86_64")
    assert caught.value.code == "download-under-way"
    for _each in range(fetching.MOST_AT_ONCE):
        Job.objects.create(kind=fetching.FETCH, state="running", target_kind="image")
    with pytest.raises(Refused) as caught:
        fetch(url="https://example.org/other.iso")
    assert caught.value.code == "too-many-downloads"


def test_an_image_that_is_not_in_the_catalogue_is_refused(web, fetch):
    with pytest.raises(Invalid):
        fetch("none-x86_64")
    assert not Job.objects.exists()


def test_mallory_fetches_nothing(web, mallory, test_host):
    _url, _routes, asked = web
    actor = Person(mallory)
    with pytest.raises(Forbidden):
        fetching.entries(actor=actor)
    with pytest.raises(Forbidden):
        fetching.from_catalogue(actor=actor, entry_id="d-x86_64")
    with pytest.raises(Forbidden):
        fetching.from_url(actor=actor, request=UrlRequest(url="https://example.org/x.iso"))
    assert asked == []
    assert not Job.objects.exists()
