"""Take a machine's identity out of a copied disk, with virt-sysprep where it is installed.

It works on files of this machine only: of a remote host nothing can be cleaned from here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence

from . import capabilities, jail
from .connection import HostConnection
from .errors import Unsupported
from .jail import Limits
from .types import VolumeInfo

PROGRAM = "virt-sysprep"
LONGEST_S = 1800.0
CPU_S = 3600
MEMORY_BYTES = 16 << 30
"""Of addresses: it starts a small machine of its own."""
SPARE_BYTES = 1 << 30


def missing(host: HostConnection) -> str:
    """Return the code of why disks of that host cannot be cleaned here, "" when they can."""
    if not host.is_local:
        return "sysprep-remote"
    if shutil.which(PROGRAM, path=jail.PATH) is None:
        return "sysprep-missing"
    return ""


def clean(disks: Sequence[VolumeInfo], on_line: Callable[[str], None]) -> None:
    """Remove host keys, machine id, logs and the like from the disks of one machine, in place.

    Takes a minute or more; each line that the program prints is handed to `on_line`, whose
    exceptions end it. Raises OperationFailed with the words of the program, Unsupported where this
    process may not write a disk.
    """
    if not all(os.access(disk.path, os.W_OK) for disk in disks):
        raise Unsupported(what="sysprep")
    largest = max(disk.capacity_bytes for disk in disks)
    limits = Limits(LONGEST_S, CPU_S, MEMORY_BYTES, largest + SPARE_BYTES)
    for command in commands(disks, has_kvm=capabilities.can_use_kvm()):
        jail.follow(command, limits, fds=(), is_nobody=False, on_line=on_line)


def commands(disks: Sequence[VolumeInfo], *, has_kvm: bool) -> list[list[str]]:
    """Return the commands that clean a machine, one after the other.

    The first leaves a new machine id where it has taken the old one out (1.48 does), and all copies
    would ask DHCP for the same address: the second empties it for good. Without KVM that works
    the program must be told so: it tries the device, and hangs on it.
    """
    settings = ["LIBGUESTFS_BACKEND=direct"]
    if not has_kvm:
        settings.append("LIBGUESTFS_BACKEND_SETTINGS=force_tcg")
    added = [word for disk in disks for word in ("--format", disk.format, "--add", disk.path)]
    program = ["env", *settings, PROGRAM]
    return [[*program, *added], [*program, "--operations", "machine-id", *added]]
