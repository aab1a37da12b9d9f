"""A gateway whose guests' displays are one unix socket of the test's.

usage: python -m tests.gateway.run SOCKET ARGUMENTS OF vms.gateway...
"""

from __future__ import annotations

import socket
import sys

from vms.gateway import __main__ as program
from vms.gateway import server
from vms.hypervisor.errors import WrongState


def main() -> int:
    """Serve as the program does."""
    path = sys.argv.pop(1)

    def display(_uri: str, domain_uuid: str) -> socket.socket:
        if domain_uuid == "off":
            raise WrongState(detail="off")
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(path)
        return connected

    server.open_display = display
    return program.main()


if __name__ == "__main__":
    sys.exit(main())
