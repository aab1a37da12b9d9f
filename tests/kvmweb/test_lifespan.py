"""One embedded server for one home."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from kvmweb.lifespan import Lifespan
from vms.services.installation import HomeTaken, installation_id, lock_home


def test_a_second_server_on_one_home_is_refused_with_the_reason(tmp_path) -> None:
    with lock_home(tmp_path), pytest.raises(HomeTaken) as caught:
        lock_home(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "KVMWEB_HOME" in str(caught.value)


def test_the_lock_is_free_again_when_the_server_is_gone(tmp_path) -> None:
    lock_home(tmp_path).close()
    lock_home(tmp_path).close()


def test_two_homes_do_not_meet(tmp_path) -> None:
    with lock_home(tmp_path / "a"), lock_home(tmp_path / "b"):
        pass


def test_a_failed_start_is_told_as_asgi_wants(settings, tmp_path) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path})
    sent = []

    async def body() -> None:
        async def receive():
            return {"type": "lifespan.startup"}

        async def send(message):
            sent.append(message)

        await Lifespan()(receive, send)

    with lock_home(tmp_path):
        asyncio.run(body())
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert str(tmp_path) in sent[0]["message"]


def test_the_id_of_an_installation_stays(tmp_path, settings) -> None:
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path})
    first = installation_id()
    assert len(first) == 36
    assert installation_id() == first
    assert (tmp_path / "installation_id").read_text().strip() == first


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "vms.example"])
def test_serving_other_machines_without_tls_is_refused_with_what_to_do(host, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--host", host, "--port", "1"],
        capture_output=True,
        text=True,
        env={"KVMWEB_HOME": str(tmp_path), "PATH": "/usr/bin"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "--tls" in done.stderr
    assert "KVMWEB_PUBLIC_URLS" in done.stderr
