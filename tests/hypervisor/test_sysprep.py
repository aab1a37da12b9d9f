"""How virt-sysprep is called."""

from __future__ import annotations

import pytest

from vms.hypervisor import sysprep
from vms.hypervisor.errors import Unsupported
from vms.hypervisor.types import VolumeInfo


def disk(path: str, format: str = "qcow2") -> VolumeInfo:
    return VolumeInfo("pool", path.rpartition("/")[2], path, format, 1 << 30, 0, "")


def test_disks_are_cleaned_together_and_the_machine_id_is_empty_at_the_end() -> None:
    disks = [disk("/p/a.qcow2"), disk("/p/b.raw", "raw")]
    both = "--format qcow2 --add /p/a.qcow2 --format raw --add /p/b.raw"
    first, last = (" ".join(command) for command in sysprep.commands(disks, has_kvm=True))
    assert first == f"env LIBGUESTFS_BACKEND=direct virt-sysprep {both}"
    assert last == f"env LIBGUESTFS_BACKEND=direct virt-sysprep --operations machine-id {both}"


def test_without_kvm_that_works_the_device_is_not_tried() -> None:
    for command in sysprep.commands([disk("/p/a.qcow2")], has_kvm=False):
        assert "LIBGUESTFS_BACKEND_SETTINGS=force_tcg" in command


def test_a_disk_that_may_not_be_written_is_refused_before_anything_runs(tmp_path) -> None:
    with pytest.raises(Unsupported):
        sysprep.clean([disk(str(tmp_path / "none.qcow2"))], print)
