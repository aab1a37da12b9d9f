"""A PostgreSQL of its own for tests: data in a temporary folder, a socket there, no TCP port.

usage: python -m tests.support.postgres COMMAND...   runs COMMAND with TEST_DATABASE_URL set

The server dies with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.support.site import wait_until

VARIABLE = "TEST_DATABASE_URL"
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")
"""What is lost in a crash is a test's."""


def programs() -> Path:
    """Find the newest installed PostgreSQL, which Debian keeps off everybody's PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    assert found, "there is no PostgreSQL here: script/setup dev installs it"
    return found[-1]


def _as_whom() -> tuple[str, list[str]]:
    """The user who runs it, since PostgreSQL refuses root, and the prefix that makes it so."""
    if os.getuid():
        return getpass.getuser(), []
    ids = pwd.getpwnam("postgres")
    who = [f"--reuid={ids.pw_uid}", f"--regid={ids.pw_gid}", "--clear-groups"]
    return "postgres", ["setpriv", *who]


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server and yield the URL of an empty database; nothing is left afterwards."""
    user, prefix = _as_whom()
    folder = Path(tempfile.mkdtemp(prefix="kvmweb-postgres-"))
    try:
        if prefix:
            shutil.chown(folder, user)
        _initialise(folder, user, prefix)
        with _server(folder, prefix):
            yield f"postgresql://{user}@/postgres?host={quote(str(folder), safe='')}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(folder: Path, user: str, prefix: list[str]) -> None:
    options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    command = [str(programs() / "initdb"), "-D", str(folder / "data"), "-U", user, *options]
    subprocess.run([*prefix, *command], check=True, capture_output=True, timeout=240, cwd=folder)


@contextlib.contextmanager
def _server(folder: Path, prefix: list[str]) -> Iterator[None]:
    settings = [word for setting in QUICK for word in ("-c", setting)]
    where = ["-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses="]
    dies = [*(prefix or ["setpriv"]), "--pdeathsig=INT"]
    command = [*dies, str(programs() / "postgres"), *where, *settings]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
    try:
        wait_until(lambda: _answers(process, folder, log), limit_s=90, what="PostgreSQL")
        yield
    finally:
        process.send_signal(signal.SIGINT)  # ends every session and stops at once
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _answers(process: subprocess.Popen[bytes], folder: Path, log: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(log.read_text(errors="replace"))
    ready = [str(programs() / "pg_isready"), "-q", "-h", str(folder)]
    return subprocess.run(ready, check=False, timeout=10).returncode == 0


def main() -> int:
    """Run a command with a server beside it; return how it ended."""
    with running_postgres() as url:
        environment = {**os.environ, VARIABLE: url}
        return subprocess.run(sys.argv[1:], check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
