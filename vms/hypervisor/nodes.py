"""The host itself: what it is and how busy it is."""

from __future__ import annotations

from collections.abc import Callable

import libvirt

from . import capabilities, options
from .connection import HostConnection, Lane
from .hardware import GuestOptions, Machine
from .types import Accelerator, HostFacts, HostLoad


def facts(host: HostConnection, *, timeout_s: float | None = None) -> HostFacts:
    """Return what the host is. Raises HostAway and the like only.

    A libvirtd that has just been started asks every emulator first: that can take a minute.
    """
    is_local = host.is_local
    return host.call(Lane.WATCH, lambda conn: _facts(conn, is_local), timeout_s=timeout_s)


class LoadMeter:
    """Measures a host's CPU between two readings. One for each host; not thread-safe."""

    def __init__(self) -> None:
        self._busy_ns = 0
        self._total_ns = 0

    def read(self, host: HostConnection) -> HostLoad:
        """Return the load since the reading before; the first knows no CPU load."""
        cpu, memory = host.call(Lane.WATCH, _load)
        total_kib = memory.get("total")
        used_kib = None
        if total_kib is not None and "free" in memory:
            spare = sum(memory.get(key, 0) for key in ("free", "buffers", "cached"))
            used_kib = max(0, total_kib - spare)
        return HostLoad(
            cpu_percent=self._cpu_percent(cpu),
            memory_used_mib=None if used_kib is None else used_kib // 1024,
            memory_total_mib=None if total_kib is None else total_kib // 1024,
        )

    def _cpu_percent(self, cpu: dict[str, int]) -> float | None:
        total_ns = sum(cpu.get(key, 0) for key in ("kernel", "user", "idle", "iowait"))
        busy_ns = cpu.get("kernel", 0) + cpu.get("user", 0)
        passed_ns, worked_ns = total_ns - self._total_ns, busy_ns - self._busy_ns
        is_first = self._total_ns == 0
        self._total_ns, self._busy_ns = total_ns, busy_ns
        if is_first or passed_ns <= 0:
            return None
        return round(min(100.0, max(0.0, 100.0 * worked_ns / passed_ns)), 1)


def _facts(conn: libvirt.virConnect, is_local: bool) -> HostFacts:
    caps_xml = conn.getCapabilities()
    driver = conn.getType()
    info = conn.getInfo()
    # The test driver stands for a host of its own: what this machine has is none of its facts.
    is_this_machine = is_local and driver != "TEST"
    chosen, reason = capabilities.accelerator(
        caps_xml,
        capabilities.local_cpu_flags(),
        is_local,
        has_kvm_device=capabilities.KVM_DEVICE.exists(),
    )
    model = capabilities.local_cpu_model() if is_this_machine else ""
    arch = capabilities.host_arch(caps_xml) or info[0]
    return HostFacts(
        hostname=conn.getHostname(),
        arch=arch,
        cpu_model=model or capabilities.host_cpu_model(caps_xml) or info[0],
        cpus=info[2],
        memory_mib=_memory_mib(conn) or info[1],
        driver=driver,
        libvirt_version=_version(conn.getLibVersion()),
        hypervisor_version=_version(conn.getVersion()),
        accelerator=chosen,
        accelerator_reason=reason,
        can_graphics_fd=is_local and driver == "QEMU" and chosen is not Accelerator.TEST,
        options=_options(conn, arch, chosen),
    )


def _options(conn: libvirt.virConnect, arch: str, kind: Accelerator) -> GuestOptions:
    """Ask what guests can be made of, of each machine; nothing where the driver cannot say."""
    machines = (Machine.Q35, Machine.PC) if arch == "x86_64" else (Machine.DEFAULT,)
    found = []
    for machine in machines:
        try:
            xml = conn.getDomainCapabilities(None, arch, machine.value or None, kind.value, 0)
        except libvirt.libvirtError:
            continue  # the test driver, or a QEMU that was built without this machine
        found.append((machine.value, xml))
    return options.from_capabilities(found)


def _memory_mib(conn: libvirt.virConnect) -> int:
    """Return the memory of the host, 0 where the driver cannot say.

    getInfo() counts the NUMA cells, which on a machine whose memory has grown may show a part only.
    """
    return _memory(conn).get("total", 0) // 1024


def _memory(conn: libvirt.virConnect) -> dict[str, int]:
    return _stats(lambda: conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS))


def _load(conn: libvirt.virConnect) -> tuple[dict[str, int], dict[str, int]]:
    return (
        _stats(lambda: conn.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS)),
        _memory(conn),
    )


def _stats(ask: Callable[[], dict[str, int]]) -> dict[str, int]:
    """Return the numbers, none where the driver has none."""
    try:
        return ask()
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
            return {}
        raise


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
