"""A guest's serial port as virsh has it."""

from __future__ import annotations

import contextlib
import threading

import libvirt

from tests.support.site import wait_until


class Serial:
    """Everything that a guest's first serial port says, from now on."""

    def __init__(self, domain: libvirt.virDomain) -> None:
        self.text = ""
        self._stream = domain.connect().newStream()
        domain.openConsole(None, self._stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(libvirt.libvirtError):
            while chunk := self._stream.recv(4096):
                self.text += chunk.decode(errors="replace")

    def send(self, text: str) -> None:
        """Type at the port."""
        self._stream.send(text.encode())

    def has_prompt(self) -> bool:
        """Press Enter on the serial line; a guest that is up answers with its login prompt."""
        mark = len(self.text)
        self.send("\n")
        with contextlib.suppress(AssertionError):
            return bool(wait_until(lambda: "login:" in self.text[mark:], limit_s=2))
        return False

    def close(self) -> None:
        """Let the port go."""
        with contextlib.suppress(libvirt.libvirtError):
            self._stream.abort()
