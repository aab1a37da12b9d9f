"""qemu-img: what an image file says of itself, whether it is whole, and its conversion to qcow2.

The files may come from strangers: vms/imaging has refused those that name other files before.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import jail
from .errors import OperationFailed

INFO_TIMEOUT_S = 20.0
CHECK_LIMITS = jail.Limits(wall_s=600, cpu_s=300)
CONVERT_WALL_S = 6 * 3600.0
CONVERT_CPU_S = 2 * 3600
_PERCENT = re.compile(r"\(([0-9.]+)/100%\)")


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What an image file says of itself; none of it is to be trusted with an unknown file."""

    format: str
    virtual_size_bytes: int
    backing_path: str
    has_data_file: bool
    """True where the data lie in another file that the image names."""


def qemu_img_info(path: Path, *, format: str = "", timeout_s: float = INFO_TIMEOUT_S) -> ImageInfo:
    """Return what qemu-img says of a local image, which may be in use.

    With `format` it is read as that and never guessed. The path must be absolute. Raises
    OperationFailed(detail) for a file it cannot read, Unsupported("qemu-img") where it is missing.
    """
    options = ["-f", format] if format else []
    limits = jail.Limits(wall_s=timeout_s, cpu_s=10)
    facts = _ask("info", path, options, limits)
    specific = facts.get("format-specific", {}).get("data", {})
    return ImageInfo(
        format=str(facts.get("format", "")),
        virtual_size_bytes=int(facts.get("virtual-size", 0)),
        backing_path=str(facts.get("full-backing-filename", facts.get("backing-filename", ""))),
        has_data_file="data-file" in specific,
    )


def check(path: Path, *, format: str) -> None:
    """Let qemu-img look whether the image is whole: what ends early or contradicts itself is not.

    Raises OperationFailed(detail).
    """
    facts = _ask("check", path, ["-f", format], CHECK_LIMITS)
    if facts.get("corruptions") or facts.get("check-errors"):
        raise OperationFailed(detail="qemu-img check")


def convert(
    source: Path,
    target: Path,
    *,
    format: str,
    into: str = "qcow2",
    limit_bytes: int,
    progress: Callable[[float], None],
) -> None:
    """Write `source`, read as `format`, in the format `into` to `target`, a new file.

    `progress` gets the fraction done; what it raises ends the conversion. The target stays when it
    fails, which is the caller's to remove. Raises OperationFailed when it would become larger than
    `limit_bytes`, and for whatever qemu-img cannot read.
    """

    def on_line(line: str) -> None:
        found = _PERCENT.search(line)
        if found:
            progress(float(found[1]) / 100)

    limits = jail.Limits(
        wall_s=CONVERT_WALL_S, cpu_s=CONVERT_CPU_S, memory_bytes=4 << 30, file_bytes=limit_bytes
    )
    with _opened(source) as (fd, is_nobody), _made(target) as out:
        command = ["qemu-img", "convert", "-p", "-f", format, "-O", into, _name(fd), _name(out)]
        jail.follow(command, limits, fds=(fd, out), is_nobody=is_nobody, on_line=on_line)


def _ask(verb: str, path: Path, options: list[str], limits: jail.Limits) -> dict[str, Any]:
    # Any: qemu-img's own JSON
    with _opened(path) as (fd, is_nobody):
        command = ["qemu-img", verb, "--force-share", "--output=json", *options, _name(fd)]
        printed = jail.run(command, limits, fds=(fd,), is_nobody=is_nobody)
    try:
        facts = json.loads(printed)
    except ValueError as error:
        raise OperationFailed(detail="qemu-img: no JSON") from error
    return facts if isinstance(facts, dict) else {}


def _name(fd: int) -> str:
    """Name an inherited descriptor: no directory need be reachable, and no name is parsed."""
    return f"/proc/self/fd/{fd}"


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, bool]]:
    """Open a file to read; say whether nobody could read it, too."""
    if not path.is_absolute():
        raise OperationFailed(detail=f"not absolute: {path}")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OperationFailed(detail=f"{path.name}: {error.strerror}") from error
    try:
        yield fd, bool(os.fstat(fd).st_mode & stat.S_IROTH)
    finally:
        os.close(fd)


@contextmanager
def _made(path: Path) -> Iterator[int]:
    """Make a file that nobody may write to; the directory keeps all others out."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, 0o666)
        yield fd
    finally:
        os.fchmod(fd, 0o644)
        os.close(fd)
