"""A guest's serial port as somebody on the host has it."""

from __future__ import annotations

import contextlib
import threading

from tests.support.site import wait_until
from vms.hypervisor import consoles
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import HypervisorError


class Serial:
    """Everything that the first serial port of the domain with that UUID says, from now on."""

    def __init__(self, uuid: str) -> None:
        self.text = ""
        self._ended = threading.Event()
        self._host = HostConnection("qemu:///system")
        self._port = consoles.open_serial(self._host, uuid, 0)
        self._port.listen(self)

    def heard(self, data: bytes) -> None:
        """Take what the guest says."""
        self.text += data.decode(errors="replace")

    def has_room(self) -> None:
        """Tests type little."""

    def ended(self, _error: HypervisorError | None) -> None:
        """Know that the port is free again."""
        self._ended.set()

    def send(self, text: str) -> None:
        """Type at the port."""
        assert self._port.write(text.encode())

    def has_prompt(self) -> bool:
        """Press Enter on the serial line; a guest that is up answers with its login prompt."""
        mark = len(self.text)
        self.send("\n")
        with contextlib.suppress(AssertionError):
            return bool(wait_until(lambda: "login:" in self.text[mark:], limit_s=2))
        return False

    def close(self) -> None:
        """Let the port go."""
        self._port.close()
        self._ended.wait(10)
        self._host.close()
