"""A disk as small as a test wants it: a file as a block device."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def loop_device(file: Path, size_bytes: int) -> Iterator[str]:
    """Make `file` and give the path of a block device that lies in it; both go afterwards."""
    subprocess.run(["truncate", "-s", str(size_bytes), str(file)], check=True)
    device = subprocess.run(
        ["losetup", "--find", "--show", str(file)], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        yield device
    finally:
        file.unlink(missing_ok=True)
        subprocess.run(["losetup", "-d", device], check=False)
