"""Image files made on the spot with qemu-img, and broken on purpose."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pycdlib
import pytest

from tests.support.webserver import server  # noqa: F401 - a fixture

MakeImage = Callable[..., Path]
MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as that of the uploads: nobody else gets in, the files may be read."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def make_image(folder: Path) -> MakeImage:
    """Make an image with a few megabytes that are not zero: make_image("vmdk", options="...")."""

    def make(format: str, *, options: str = "", data: bytes = b"", size: int = 16 * MIB) -> Path:
        raw, made = folder / "source.raw", folder / f"made.{format}"
        raw.write_bytes(data or bytes(range(256)) * (8 * 4096))
        with raw.open("ab") as file:
            file.truncate(size)
        more = ["-o", options] if options else []
        subprocess.run(
            ["qemu-img", "convert", "-f", "raw", "-O", format, *more, str(raw), str(made)],
            check=True,
            capture_output=True,
        )
        raw.unlink()
        made.chmod(0o644)
        return made

    return make


def make_iso(volume_id: str, *, system_id: str = "", publisher: str = "", boot: bool = False):
    """Make the bytes of an ISO with pycdlib."""
    iso = pycdlib.PyCdlib()
    iso.new(vol_ident=volume_id, sys_ident=system_id, pub_ident_str=publisher, interchange_level=4)
    iso.add_fp(io.BytesIO(b"x" * 4096), 4096, "/FILE")
    if boot:
        iso.add_fp(io.BytesIO(b"boot" * 512), 2048, "/BOOT")
        iso.add_eltorito("/BOOT")
    out = io.BytesIO()
    iso.write_fp(out)
    iso.close()
    return out.getvalue()
