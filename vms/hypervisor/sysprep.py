"""Take a machine's identity out of a copied disk, with virt-sysprep where it is installed.

It works on files of this machine only: of a remote host nothing can be cleaned from here.
"""

from __future__ import annotations

import os
import shutil

from . import jail
from .connection import HostConnection
from .errors import Unsupported
from .jail import Limits

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


def clean(path: str, format: str, capacity_bytes: int) -> None:
    """Remove host keys, machine id, logs and the like from the disk at `path`, in place.

    Takes a minute or more and cannot be stopped. Raises OperationFailed with the words of the
    program, Unsupported where this process may not write the disk.
    """
    if not os.access(path, os.W_OK):
        raise Unsupported(what="sysprep")
    command = ["env", "LIBGUESTFS_BACKEND=direct", PROGRAM, "--quiet"]
    limits = Limits(LONGEST_S, CPU_S, MEMORY_BYTES, capacity_bytes + SPARE_BYTES)
    jail.run([*command, "--format", format, "--add", path], limits, fds=(), is_nobody=False)
