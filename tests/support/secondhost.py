"""A second host to manage: a Debian under QEMU with libvirtd, LVM and an NFS server of its own.

Its kernel has what the machine of the tests may lack: the device mapper and nfsd. It is reached as
an administrator's other hosts are, by SSH with a key. `script/debian-image --host` builds it.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from tests.support.debianimage import answers, debian_image, key_pair
from tests.support.site import free_port, wait_until
from vms.hypervisor import nodes
from vms.hypervisor.connection import HostConnection

MEMORY_MIB = 1024
BOOT_LIMIT_S = 240.0
OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "20",
    "StrictHostKeyChecking": "accept-new",
    # To log in takes seconds there; the first who does lends his line to the others.
    "ControlMaster": "auto",
    "ControlPersist": "yes",
}


class SecondHost:
    """The machine. `uri` is what libvirt connects to, `run` does something there as root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.key, self._line = key_pair(folder, "key")
        self._ssh = folder / "ssh"
        told = OPTIONS | {"UserKnownHostsFile": f"{folder}/known", "ControlPath": f"{folder}/line"}
        options = [word for key, value in told.items() for word in ("-o", f"{key}={value}")]
        self._ssh.write_text(f'#!/bin/sh\nexec ssh {shlex.join(options)} -i {self.key} "$@"\n')
        self._ssh.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The libvirt URI, with a way to SSH that knows key and machine."""
        way = urlencode({"command": self._ssh}, safe="/")
        return f"qemu+ssh://root@127.0.0.1:{self.port}/system?{way}"

    def start(self) -> None:
        """Start it and wait until somebody can log in: half a minute under emulation."""
        system, keys = self.folder / "system.qcow2", self.folder / "keys"
        keys.write_bytes(self._line.encode().ljust(512, b"\n"))
        base = debian_image("--host")
        _qemu_img("create", "-b", base, "-F", "qcow2", system)
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),  # a run that is killed leaves no host behind
                *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max"),
                *("-smp", "2", "-m", str(MEMORY_MIB), "-display", "none", "-monitor", "none"),
                *("-serial", f"file:{self.folder}/serial", "-device", "virtio-rng-pci"),
                *("-drive", f"file={system},if=none,id=system,cache=unsafe"),
                *("-device", "virtio-blk-pci,drive=system,bootindex=1"),
                *("-drive", f"file={keys},if=none,id=keys,format=raw,readonly=on"),
                *("-device", "virtio-blk-pci,drive=keys,serial=keys"),
                *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:22"),
                *("-device", "virtio-net-pci,netdev=net,romfile="),
            ]
        )
        wait_until(self._is_up, limit_s=BOOT_LIMIT_S, what=f"second host: {self.serial()}")
        # libvirt asks QEMU what it can do when first asked itself, which takes long here.
        link = HostConnection(self.uri, open_timeout_s=60)
        nodes.facts(link, timeout_s=BOOT_LIMIT_S)
        link.close()

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.serial()
        return answers("127.0.0.1", self.port)

    def run(self, command: str, *, limit_s: float = 120) -> str:
        """Run a shell command there as root; return what it prints. Fails unless it succeeds."""
        done = subprocess.run(
            [self._ssh, "-p", str(self.port), "root@127.0.0.1", command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def serial(self) -> str:
        """The end of what it wrote to its serial port."""
        path = self.folder / "serial"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def stop(self) -> None:
        """Pull its plug."""
        subprocess.run(
            [self._ssh, "-O", "exit", "second"], capture_output=True, check=False, timeout=10
        )
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)


def _qemu_img(verb: str, *arguments: object) -> None:
    words = [str(word) for word in arguments]
    subprocess.run(["qemu-img", verb, "-q", "-f", "qcow2", *words], check=True, timeout=60)


@contextlib.contextmanager
def second_host() -> Iterator[SecondHost]:
    """A second host that runs until the block ends."""
    with tempfile.TemporaryDirectory(prefix="kvmweb-second-host-") as folder:
        host = SecondHost(Path(folder))
        try:
            host.start()
            yield host
        finally:
            host.stop()
