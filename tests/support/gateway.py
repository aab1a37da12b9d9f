"""A console gateway beside a site: its own process with a credential of that site."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

from tests.support.site import ROOT, Site, free_port, wait_until


class Gateway:
    """A gateway that runs. `url` is what the host's setting says."""

    def __init__(self, site: Site, *extra: str) -> None:
        self.site = site
        self.port = free_port()
        scheme = "https" if "--cert" in extra else "http"
        self.url = f"{scheme}://localhost:{self.port}"
        host = site.api("GET", "hosts")["items"][0]
        self.host_id = host["id"]
        self.name = f"gateway {self.port}"
        credential = site.home / f"gateway-{self.port}"
        credential.write_text(site.manage("create_gateway", host["name"], "--name", self.name))
        self.command = [sys.executable, "-m", "vms.gateway"]
        self.command += ["--site", site.url, "--credential", str(credential)]
        self.command += ["--port", str(self.port), *extra]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.site.home / "gateway.log").open("ab") as log:
            self._process = subprocess.Popen(self.command, cwd=ROOT, stdout=log, stderr=log)
        wait_until(self._listens, limit_s=20, what=f"gateway: {self.log()}")

    @property
    def pid(self) -> int:
        """The process that listens; each console is a child of it."""
        assert self._process is not None
        return self._process.pid

    def route(self, url: str) -> None:
        """Set the way that screens of the host take."""
        body = {"console_gateway_url": url}
        self.site.api("PUT", f"hosts/{self.host_id}/consoles", body)

    def log(self) -> str:
        """What it wrote."""
        path = self.site.home / "gateway.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End it with its consoles."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextlib.contextmanager
def running_gateway(site: Site, *extra: str) -> Iterator[Gateway]:
    """A gateway through which the site's screens come, until the block ends."""
    gateway = Gateway(site, *extra)
    gateway.start()
    gateway.route(gateway.url)
    try:
        yield gateway
    finally:
        gateway.route("")
        gateway.stop()
