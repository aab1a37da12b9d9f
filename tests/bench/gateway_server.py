"""The gateway's relay in its own process for each connection, with a given upstream.

It leaves out the site and libvirt, and keeps every part that bytes go through.
usage: python -m tests.bench.gateway_server PORT UPSTREAM
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from vms.gateway import server
from vms.gateway.server import Handler, Options, Server
from vms.gateway.site import Console, News, Orders, Site, SiteAddress


class NoSite(Site):
    """A site that lets everybody stay."""

    def still(self, _console_id: str, _news: News) -> Orders:
        """Say that the console may go on."""
        return Orders("", True, "")

    def closed(self, _console_id: str, **_numbers: Any) -> None:
        """Forget it."""


class OpenHandler(Handler):
    """Lets anybody in; `/view` may only watch."""

    def _admitted(self) -> Console:
        self._site = NoSite(self._options.site)
        return Console("bench", "", self.path != "/view", 30.0)


def main() -> None:
    """Relay every websocket to the upstream's unix socket until a signal comes."""
    port, upstream = int(sys.argv[1]), sys.argv[2]

    def display(_uri: str, _uuid: str) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(upstream)
        return connected

    server.open_display = display
    server.Handler = OpenHandler  # type: ignore[misc]  # what Server makes for each connection
    options = Options(SiteAddress("http://localhost", "x"), "", frozenset(), 50)
    Server(options, listen_host="127.0.0.1", listen_port=port).start_server()


if __name__ == "__main__":
    main()
