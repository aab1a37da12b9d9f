"""qemu-img, as far as it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from vms.hypervisor.errors import OperationFailed
from vms.hypervisor.images import qemu_img_info


def test_a_raw_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "-a 'b'.img"
    file.write_bytes(bytes(4096))
    info = qemu_img_info(file)
    assert (info.format, info.virtual_size_bytes, info.backing_path) == ("raw", 4096, "")


@pytest.mark.parametrize("path", ["json:{}", "nbd://x", "--help", "relative.img"])
def test_what_is_no_absolute_path_is_refused(path: str) -> None:
    with pytest.raises(OperationFailed):
        qemu_img_info(Path(path))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed):
        qemu_img_info(tmp_path / "missing.img")
