"""The one place that runs programs: list arguments, limits, no network, nobody's rights.

The programs read files that strangers made. Nothing of the environment goes along.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from .errors import OperationFailed, Unsupported

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
OUTPUT_BYTES = 1 << 20
_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs")
_SAME = ("setpriv", "--no-new-privs")
_NO_NET = ("unshare", "--net", "--")
_OWN_NET = ("unshare", "--user", "--map-current-user", "--net", "--")
_DIES_WITH_US = "--pdeathsig=KILL"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use; `file_bytes` is the largest file that it may write."""

    wall_s: float
    cpu_s: int
    memory_bytes: int = 2 << 30
    file_bytes: int = 0


def run(command: Sequence[str], limits: Limits, *, fds: Sequence[int], is_nobody: bool) -> bytes:
    """Run a program to its end and return what it printed.

    It sees the descriptors `fds` as /proc/self/fd/N; as nobody it can open only files that others
    may read. Raises OperationFailed(detail), Unsupported(what) where the program is missing.
    """
    _require(command[0])
    try:
        done = subprocess.run(  # noqa: S603 - list arguments, a fixed program
            [*_jail(limits, is_nobody), *command],
            capture_output=True,
            timeout=limits.wall_s,
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            env={"PATH": PATH, "LC_ALL": "C"},
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise OperationFailed(detail=f"{command[0]}: {limits.wall_s:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise OperationFailed(detail=said(command[0], error.returncode, error.stderr)) from error
    return done.stdout[:OUTPUT_BYTES]


def follow(
    command: Sequence[str],
    limits: Limits,
    *,
    fds: Sequence[int],
    is_nobody: bool,
    on_line: Callable[[str], None],
) -> None:
    """Run a program, hand every line that it prints to `on_line`, whose exceptions end it.

    Lines end with a line break or a carriage return. Raises what `run` does.
    """
    _require(command[0])
    process = subprocess.Popen(  # noqa: S603 - list arguments, a fixed program
        [*_jail(limits, is_nobody), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        pass_fds=fds,
        env={"PATH": PATH, "LC_ALL": "C"},
        text=True,
    )
    alarm = threading.Timer(limits.wall_s, process.kill)
    alarm.daemon = True
    alarm.start()
    with process:
        try:
            _each_line(process.stdout, on_line)
            errors = process.stderr.read(OUTPUT_BYTES) if process.stderr else ""
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            alarm.cancel()
    if process.returncode:
        raise OperationFailed(detail=said(command[0], process.returncode, errors.encode()))


def _each_line(stream: IO[str] | None, on_line: Callable[[str], None]) -> None:
    while stream and (line := stream.readline()):  # text mode reads "\r" as the end of a line
        on_line(line)


def said(program: str, code: int, errors: bytes) -> str:
    """Word a failure by the program's last line; a signal says that a limit was reached."""
    if code < 0 or code > 128:
        return f"{program}: stopped at a limit"
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else f"{program}: {code}"


def _require(program: str) -> None:
    if shutil.which(program, path=PATH) is None:
        raise Unsupported(what=program)


def _jail(limits: Limits, is_nobody: bool) -> list[str]:
    bounds = [f"--as={limits.memory_bytes}", f"--cpu={limits.cpu_s}", "--core=0", "--nofile=256"]
    if limits.file_bytes:
        bounds.append(f"--fsize={limits.file_bytes}")
    return ["prlimit", *bounds, "--", *_walls(is_nobody and os.geteuid() == 0)]


@functools.cache
def _walls(is_nobody: bool) -> tuple[str, ...]:
    """Return the strictest walls that this machine lets us build."""
    user = (*(_NOBODY if is_nobody else _SAME), _DIES_WITH_US, "--")
    for walls in ((*_NO_NET, *user), (*_OWN_NET, *user), user):
        try:
            subprocess.run([*walls, "true"], check=True, capture_output=True, timeout=5)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            continue
        return walls
    return ()
