"""manage.py check_catalogue: every address is asked once, and what is gone is told from silence."""

from __future__ import annotations

import io
import socket
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.support.webserver import server  # noqa: F401 - a fixture
from vms.imaging import catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _local(settings):
    more = {"download_allow": ["127.0.0.0/8"]}
    settings.KVMWEB = settings.KVMWEB.model_copy(update=more)


@pytest.fixture
def listed(settings, tmp_path):
    """Use a catalogue of these images and files of checksums: listed(("a", url, url), ...)."""

    def use(*rows: tuple[str, str, str]) -> None:
        file = tmp_path / "catalogue.yaml"
        lines = [
            f"- {{id: {name}, name: X, images: {{x86_64: {{url: '{url}', "
            f"checksum_url: '{sums}'}}}}}}"
            for name, url, sums in rows
        ]
        file.write_text("\n".join(lines))
        settings.KVMWEB = settings.KVMWEB.model_copy(update={"catalogue": file})

    return use


def run() -> tuple[str, int]:
    """Return what the command prints, and its exit status."""
    out = io.StringIO()
    try:
        call_command("check_catalogue", stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def test_what_is_there_is_asked_with_head_and_once(server, listed):  # noqa: F811
    url, routes, asked = server
    routes["/a.qcow2"] = routes["/b.qcow2"] = routes["/SUMS"] = lambda h: h.part(b"x" * 2048)
    listed(("a", f"{url}/a.qcow2", f"{url}/SUMS"), ("b", f"{url}/b.qcow2", f"{url}/SUMS"))
    text, status = run()
    assert (status, text.count("2 KiB")) == (0, 3)
    assert "3 addresses: 0 gone, 0 not reached" in text
    assert sorted(asked) == [("/SUMS", "HEAD"), ("/a.qcow2", "HEAD"), ("/b.qcow2", "HEAD")]


def test_what_is_gone_is_told_from_a_server_that_is_silent(server, listed):  # noqa: F811
    url, routes, _asked = server
    routes["/a.qcow2"] = lambda h: h.start(404, Content_Length="0")
    routes["/SUMS"] = lambda h: h.start(500, Content_Length="0")
    with socket.socket() as held:  # bound, and nobody listens
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}/b.qcow2"
        listed(("a", f"{url}/a.qcow2", f"{url}/SUMS"), ("b", nobody, f"{url}/SUMS"))
        text, status = run()
    assert status == 1
    (gone,) = [line for line in text.splitlines() if line.startswith("GONE")]
    assert gone.endswith("/a.qcow2")
    assert "a-x86_64: The server there answered 404." in text
    assert "a-x86_64, b-x86_64: The server there answered 500." in text
    assert "3 addresses: 1 gone, 2 not reached" in text


def test_a_server_without_head_is_asked_for_the_file_and_left(server, listed):  # noqa: F811
    url, routes, asked = server

    def no_head(h) -> None:
        if h.command == "HEAD":
            h.start(405, Content_Length="0")
        else:
            h.part()

    routes["/a.qcow2"] = routes["/SUMS"] = no_head
    listed(("a", f"{url}/a.qcow2", f"{url}/SUMS"))
    assert run()[1] == 0
    assert len(asked) == 4


def test_addresses_that_may_not_be_asked_are_not(server, listed, settings):  # noqa: F811
    url, _routes, asked = server
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"download_allow": []})
    listed(("a", f"{url}/a.qcow2", f"{url}/SUMS"))
    assert run()[1] == 1
    assert asked == []


def test_a_catalogue_that_cannot_be_read_is_said_so(settings, tmp_path: Path):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"catalogue": tmp_path / "none.yaml"})
    with pytest.raises(CommandError, match="catalogue"):
        run()
    assert catalogue.load()
