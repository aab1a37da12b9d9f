"""Debian images that are built once and kept, and ways into the guests that they become."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from pathlib import Path

from tests.support.site import ROOT


def debian_image(*options: str) -> Path:
    """Return an image of script/debian-image, built once and kept for later runs."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kvmweb-tests"
    kept.mkdir(parents=True, exist_ok=True)
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"]  # it mounts a disk image
    with (kept / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = subprocess.run(
            [*rights, ROOT / "script" / "debian-image", *options, kept],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip().splitlines()[-1])


def key_pair(folder: Path, name: str) -> tuple[Path, str]:
    """Make an SSH key without a passphrase; return its file and its public line."""
    path = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@test", "-f", str(path)],
        check=True,
        timeout=30,
    )
    return path, path.with_suffix(".pub").read_text().strip()


def answers(address: str, port: int = 22) -> bool:
    """Say whether an SSH server answers there."""
    try:
        with socket.create_connection((address, port), timeout=2) as line:
            return line.recv(4) == b"SSH-"
    except OSError:
        return False
