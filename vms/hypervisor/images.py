"""qemu-img: the only program that this package runs, with list arguments and a time limit."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import OperationFailed, Unsupported

INFO_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What an image file says of itself; none of it is to be trusted with an unknown file."""

    format: str
    virtual_size_bytes: int
    backing_path: str
    has_data_file: bool
    """True where the data lie in another file that the image names."""


def qemu_img_info(path: Path, *, timeout_s: float = INFO_TIMEOUT_S) -> ImageInfo:
    """Return what qemu-img says of a local image, which may be in use.

    The path must be absolute, so that it cannot be taken for a protocol or an option. Raises
    OperationFailed(detail) for a file it cannot read, Unsupported("qemu-img") where it is missing.
    """
    if not path.is_absolute():
        raise OperationFailed(detail=f"not absolute: {path}")
    command = ["qemu-img", "info", "--force-share", "--output=json", str(path)]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, list arguments
            command, capture_output=True, check=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
        facts = json.loads(done.stdout)
    except FileNotFoundError as error:
        raise Unsupported(what="qemu-img") from error
    except subprocess.TimeoutExpired as error:
        raise OperationFailed(detail=f"qemu-img: {timeout_s:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise OperationFailed(detail=error.stderr.decode(errors="replace").strip()) from error
    except ValueError as error:
        raise OperationFailed(detail="qemu-img: no JSON") from error
    specific = facts.get("format-specific", {}).get("data", {})
    return ImageInfo(
        format=str(facts.get("format", "")),
        virtual_size_bytes=int(facts.get("virtual-size", 0)),
        backing_path=str(facts.get("full-backing-filename", facts.get("backing-filename", ""))),
        has_data_file="data-file" in specific,
    )
