"""A whole kvmweb of its own: home, pool, port, server process and API client; removed afterwards.

Used by the browser tests, script/screenshots and script/bench. It needs a real libvirtd with QEMU.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import libvirt

ROOT = Path(__file__).resolve().parents[2]
POOLS = Path("/var/lib/libvirt/kvmweb-test")
TINY_IMAGE = ROOT / "var" / "tiny-linux" / "tiny-linux.qcow2"
OWN = re.compile(r"kvmwebsite-(\d+)-")


class Refusal(Exception):
    """The API said no: status and problem document."""

    def __init__(self, status: int, problem: Any) -> None:
        self.status, self.problem = status, problem
        super().__init__(f"{status}: {problem}")


def wait_until(condition: Callable[[], Any], *, limit_s: float = 30.0, what: str = "") -> Any:
    """Return the first true value of `condition`, asked often; fail after the limit."""
    deadline = time.monotonic() + limit_s
    pause = threading_event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            msg = f"not within {limit_s} s: {what or condition}"
            raise AssertionError(msg)
        pause(0.05)


def threading_event() -> Callable[[float], object]:
    """Return a wait that a signal can end early."""
    import threading

    return threading.Event().wait


_migrated: list[bytes] = []
"""An empty database with all tables, once one was made: it takes seconds, and sites are many."""


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """One installation under test. `password` is the first administrator's, as printed."""

    def __init__(self, *, uri: str = "qemu:///system", prefix: str = "", **settings: str) -> None:
        self.name = f"kvmwebsite-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self.home = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.port = free_port()
        self.url = f"http://localhost:{self.port}{prefix}"
        if prefix:
            settings["KVMWEB_PUBLIC_URLS"] = self.url
        self.uri = uri
        self.command = [sys.executable, str(ROOT / "manage.py"), "serve"]
        self.password = ""
        self.token = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("KVMWEB_")},
            "KVMWEB_HOME": str(self.home),
            "KVMWEB_LIBVIRT_URI": uri,
            "KVMWEB_POOL": self.name,
            "KVMWEB_POOL_PATH": str(POOLS / self.name),
            **settings,
        }

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            msg = f"manage.py {arguments[0]}: {done.stdout}{done.stderr}"
            raise AssertionError(msg)
        return done.stdout

    def set_up(self) -> None:
        """Make database, pool, first template and administrator, and a token for him."""
        self._migrate()
        printed = self.manage("bootstrap", "--tiny-image", str(TINY_IMAGE))
        self.password = re.search(r"password:\s+(\S+)", printed)[1]  # type: ignore[index]
        self.token = self.manage("create_token", "admin").strip()

    def _migrate(self) -> None:
        """Make the tables; of SQLite a later site takes a copy of what the first one got."""
        database = self.home / "db.sqlite3"
        if "KVMWEB_DATABASE_URL" in self.environment:
            self.manage("migrate", "--no-input")
        elif _migrated:
            database.write_bytes(_migrated[0])
        else:
            self.manage("migrate", "--no-input")
            _migrated.append(database.read_bytes())

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.command, "--port", str(self.port)],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(self.is_healthy, limit_s=40, what="server up")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.log()[-3000:]}") from error

    def is_healthy(self) -> bool:
        """Say whether /healthz answers and the host is there; fail when the server has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(self.log())
        address = f"{self.url}/healthz"
        with (
            contextlib.suppress(OSError, ValueError),
            urllib.request.urlopen(address, timeout=2) as answer,
        ):
            return bool(json.load(answer)["hosts"]["connected"])
        return False

    def log(self) -> str:
        """What the server wrote."""
        path = self.home / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    def stop(self, number: int = signal.SIGINT, *, limit_s: float = 8.0) -> float:
        """End the server with a signal; return how many seconds it took."""
        if self._process is None or self._process.poll() is not None:
            return 0.0
        began = time.monotonic()
        self._process.send_signal(number)
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        return time.monotonic() - began

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the API with the administrator's token; raises Refusal for 4xx and 5xx."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise Refusal(error.code, json.load(error)) from None
        return json.loads(text) if text else None

    def create(self, name: str, *, wait: bool = True, **more: object) -> dict[str, Any]:
        """Make a guest from Tiny Linux; by default wait until its job has ended well."""
        template = self.api("GET", "templates")["items"][0]
        body = {"template_id": template["id"], "name": name, **more}
        made = self.api("POST", "vms", body)
        if wait:
            self.wait_for_job(made["job"]["id"])
        return dict(made["vm"])

    def wait_for_job(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended; fail unless it succeeded."""

        def ended() -> dict[str, Any] | None:
            job = self.api("GET", f"jobs/{job_id}")
            return job if job["state"] not in {"queued", "running"} else None

        job: dict[str, Any] = wait_until(ended, limit_s=60, what=f"job {job_id}")
        assert job["state"] == "succeeded", job
        return job

    def remove(self) -> None:
        """Stop, and remove every domain, the pool and the home of this installation."""
        self.stop()
        if self.uri.startswith("qemu"):
            remove_from_libvirt(self.name)
        shutil.rmtree(self.home, ignore_errors=True)


def remove_from_libvirt(name: str) -> None:
    """Remove every domain with a disk in the pool of that name, then the pool with its files."""
    path = str(POOLS / name)
    connection = libvirt.open("qemu:///system")
    try:
        for domain in connection.listAllDomains():
            with contextlib.suppress(libvirt.libvirtError):
                if path in domain.XMLDesc():
                    if domain.isActive():
                        domain.destroy()
                    domain.undefineFlags(
                        libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                        | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
                        | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                    )
        for pool in connection.listAllStoragePools():
            if pool.name() == name:
                with contextlib.suppress(libvirt.libvirtError):
                    pool.destroy()
                pool.undefine()
    finally:
        connection.close()
    shutil.rmtree(path, ignore_errors=True)


def sweep() -> None:
    """Remove what runs that were killed have left behind."""
    if not POOLS.is_dir():
        return
    for path in POOLS.iterdir():
        found = OWN.match(path.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            remove_from_libvirt(path.name)


@contextlib.contextmanager
def running_site(**settings: str) -> Iterator[Site]:
    """A site that runs, set up and ready; removed at the end whatever happens."""
    sweep()
    site = Site(**settings)
    try:
        site.set_up()
        site.start()
        yield site
    finally:
        site.remove()
