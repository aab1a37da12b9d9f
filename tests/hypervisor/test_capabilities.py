"""Which accelerator is chosen, as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from vms.hypervisor.capabilities import (
    accelerator,
    host_arch,
    local_cpu_flags,
    local_cpu_model,
)
from vms.hypervisor.types import Accelerator, AcceleratorReason


def caps(*kinds: str, arch: str = "x86_64") -> str:
    offered = "".join(f"<domain type='{kind}'/>" for kind in kinds)
    return (
        f"<capabilities><host><cpu><arch>{arch}</arch></cpu></host>"
        f"<guest><arch name='{arch}'>{offered}</arch></guest>"
        "<guest><arch name='s390x'><domain type='kvm'/></arch></guest></capabilities>"
    )


BOTH, TCG = caps("qemu", "kvm"), caps("qemu")
VMX, SVM, NONE = frozenset({"fpu", "vmx"}), frozenset({"svm"}), frozenset({"fpu", "svm_lock"})
KVM, QEMU = Accelerator.KVM, Accelerator.QEMU
R = AcceleratorReason


@pytest.mark.parametrize(
    ("caps_xml", "flags", "is_local", "has_device", "expected"),
    [
        (BOTH, VMX, True, True, (KVM, R.KVM_WORKS)),
        (BOTH, SVM, True, True, (KVM, R.KVM_WORKS)),
        (BOTH, NONE, True, True, (QEMU, R.NO_CPU_FLAGS)),  # /dev/kvm opens, and guests hang
        (TCG, VMX, True, True, (QEMU, R.NOT_IN_CAPABILITIES)),
        (TCG, NONE, True, False, (QEMU, R.NO_CPU_FLAGS)),
        (caps("qemu", "kvm", arch="aarch64"), None, True, True, (KVM, R.KVM_WORKS)),
        (caps("qemu", "kvm", arch="aarch64"), None, True, False, (QEMU, R.NO_CPU_FLAGS)),
        (BOTH, NONE, False, False, (KVM, R.REMOTE_CAPABILITIES)),
        (TCG, VMX, False, True, (QEMU, R.REMOTE_CAPABILITIES)),
        (caps("test"), NONE, True, True, (Accelerator.TEST, R.TEST_DRIVER)),
        (caps("test"), VMX, False, True, (Accelerator.TEST, R.TEST_DRIVER)),
        ("no xml", VMX, True, True, (QEMU, R.NOT_IN_CAPABILITIES)),
    ],
)
def test_the_accelerator_is_chosen(
    caps_xml: str,
    flags: frozenset[str] | None,
    is_local: bool,
    has_device: bool,
    expected: tuple[Accelerator, AcceleratorReason],
) -> None:
    assert accelerator(caps_xml, flags, is_local, has_kvm_device=has_device) == expected


def test_cpuinfo_is_read_as_it_is(tmp_path: Path) -> None:
    intel = tmp_path / "intel"
    intel.write_text("model name\t: Big: One\nflags\t\t: fpu vmx\nvmx flags\t: ept\n")
    arm = tmp_path / "arm"
    arm.write_text("Features\t: fp asimd\n")
    assert local_cpu_flags(intel) == {"fpu", "vmx"}
    assert local_cpu_model(intel) == "Big: One"
    assert local_cpu_flags(arm) is None
    assert local_cpu_flags(tmp_path / "missing") is None
    assert host_arch(BOTH) == "x86_64"
