"""Which accelerator new guests get, and why. Pure, but for reading this machine's /proc."""

from __future__ import annotations

import grp
from pathlib import Path

from lxml import etree

from .errors import InvalidConfig
from .types import Accelerator, AcceleratorReason
from .xml.tree import read, text_of

VIRTUALIZATION_FLAGS = frozenset({"vmx", "svm"})
CPUINFO = Path("/proc/cpuinfo")
KVM_DEVICE = Path("/dev/kvm")


def accelerator(
    caps_xml: str,
    cpu_flags: frozenset[str] | None,
    is_local: bool,
    *,
    has_kvm_device: bool = False,
) -> tuple[Accelerator, AcceleratorReason]:
    """Return the domain type for new guests and the reason.

    `cpu_flags` are this machine's, None where its architecture lists none; then the KVM device
    decides. That /dev/kvm opens proves nothing where there are flags: without vmx or svm a guest
    hangs on it. Of a remote host only its capabilities are known.
    """
    kinds = _kinds(caps_xml)
    if "test" in kinds:
        return Accelerator.TEST, AcceleratorReason.TEST_DRIVER
    lists_kvm = "kvm" in kinds
    if not is_local:
        chosen = Accelerator.KVM if lists_kvm else Accelerator.QEMU
        return chosen, AcceleratorReason.REMOTE_CAPABILITIES
    if not _can_virtualize(cpu_flags, has_kvm_device):
        return Accelerator.QEMU, AcceleratorReason.NO_CPU_FLAGS
    if not lists_kvm:
        return Accelerator.QEMU, AcceleratorReason.NOT_IN_CAPABILITIES
    return Accelerator.KVM, AcceleratorReason.KVM_WORKS


def can_use_kvm() -> bool:
    """Say whether programs on this machine may count on KVM."""
    return _can_virtualize(local_cpu_flags(), KVM_DEVICE.exists())


def is_kvm_device_shut(device: Path) -> bool:
    """Say whether there is a KVM device that QEMU's own user cannot open.

    libvirt asks QEMU as root, finds KVM, sees that guests cannot use it, throws away what it has
    learnt and asks again at every question: seconds each time. udev gives the device to the group
    "kvm"; where it does not run, nobody does.
    """
    try:
        status = device.stat()
    except OSError:
        return False
    is_open_to_all = status.st_mode & 0o006 == 0o006
    is_open_to_group = status.st_mode & 0o060 == 0o060 and status.st_gid == _kvm_group()
    return not (is_open_to_all or is_open_to_group)


def _kvm_group() -> int | None:
    try:
        return grp.getgrnam("kvm").gr_gid
    except KeyError:
        return None


def local_cpu_flags(cpuinfo: Path = CPUINFO) -> frozenset[str] | None:
    """Return the CPU flags of this machine, None where /proc/cpuinfo lists none (ARM ...)."""
    for line in _lines(cpuinfo):
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return None


def local_cpu_model(cpuinfo: Path = CPUINFO) -> str:
    """Return the name of this machine's CPU as its maker gave it, or ""."""
    for line in _lines(cpuinfo):
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return ""


def host_arch(caps_xml: str) -> str:
    """Return the architecture that the capabilities name for the host, or ""."""
    root = _root(caps_xml)
    return "" if root is None else text_of(root, "host/cpu/arch")


def host_cpu_model(caps_xml: str) -> str:
    """Return the CPU model that the capabilities name, or ""."""
    root = _root(caps_xml)
    return "" if root is None else text_of(root, "host/cpu/model")


def _can_virtualize(cpu_flags: frozenset[str] | None, has_kvm_device: bool) -> bool:
    if cpu_flags is None:
        return has_kvm_device
    return bool(cpu_flags & VIRTUALIZATION_FLAGS)


def _kinds(caps_xml: str) -> frozenset[str]:
    """Return the domain types for the host's own architecture, or for any if it names none."""
    root = _root(caps_xml)
    if root is None:
        return frozenset()
    own = text_of(root, "host/cpu/arch")
    return frozenset(
        domain.get("type") or ""
        for arch in root.iterfind("guest/arch")
        if own in ("", arch.get("name"))
        for domain in arch.iterfind("domain")
    )


def _root(xml: str) -> etree._Element | None:
    try:
        return read(xml)
    except InvalidConfig:
        return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
