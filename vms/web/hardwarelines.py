"""What a template says of the machine, in words: for its card and for the form of a new guest."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from vms import messages
from vms.hypervisor.blueprint import Blueprint
from vms.hypervisor.hardware import CpuMode
from vms.web import choices


def lines(plan: Blueprint) -> list[tuple[str, str]]:
    """Word the machine, each line with its name."""
    hardware = plan.hardware
    found = [
        (_("Processor"), _processor(plan)),
        (_("Firmware"), _firmware(plan)),
        (_("Disks"), ", ".join(_disks(plan)) or "–"),
        (
            _("Networks"),
            ", ".join(f"{nic.network} ({nic.model.value})" for nic in plan.nics) or "–",
        ),
        (_("Screen"), hardware.video.value if hardware.has_screen else _("none")),
    ]
    if missing := _missing(plan):
        found.append((_("Left out"), ", ".join(missing)))
    return found


def _processor(plan: Blueprint) -> str:
    hardware, topology = plan.hardware, plan.hardware.topology
    model = hardware.cpu_model if hardware.cpu_mode is CpuMode.NAMED else ""
    words = [model or str(choices.CPU_MODES[hardware.cpu_mode])]
    if topology:
        words.append(
            _("%(sockets)s × %(cores)s × %(threads)s (sockets, cores, threads)")
            % {"sockets": topology.sockets, "cores": topology.cores, "threads": topology.threads}
        )
    return ", ".join(words)


def _firmware(plan: Blueprint) -> str:
    words = [str(choices.FIRMWARES[plan.hardware.firmware])]
    if plan.hardware.has_tpm:
        words.append(_("TPM 2.0"))
    if plan.hardware.machine:
        words.append(plan.hardware.machine.value)
    return ", ".join(words)


def _networks(plan: Blueprint) -> list[str]:
    return [f"{nic.network} ({nic.model.value})" for nic in plan.nics]


def _disks(plan: Blueprint) -> list[str]:
    return [
        " ".join(
            part
            for part in (
                messages.size(disk.size_bytes) if disk.size_bytes else "",
                disk.bus.value,
                disk.format.value,
                str(choices.ORIGINS[disk.origin]),
            )
            if part
        )
        for disk in plan.disks
    ]


def _missing(plan: Blueprint) -> list[str]:
    hardware = plan.hardware
    parts = (
        (hardware.has_serial, _("serial port")),
        (hardware.has_agent, _("guest agent")),
        (hardware.has_rng, _("random numbers")),
    )
    return [label for is_there, label in parts if not is_there]


CHANGED: dict[str, str | Promise] = {
    "name": lazy("name"),
    "description": lazy("description"),
    "os_name": lazy("operating system"),
    "icon": lazy("icon"),
    "pool_name": lazy("pool of the image"),
    "volume_name": lazy("image"),
    "vcpus": lazy("CPUs"),
    "memory_mib": lazy("memory"),
    "disks": lazy("disks"),
    "nics": lazy("networks"),
    "topology": lazy("arrangement of the CPUs"),
    "cpu_mode": lazy("processor"),
    "cpu_model": lazy("processor"),
    "firmware": lazy("firmware"),
    "machine": lazy("machine"),
    "video": lazy("graphics card"),
    "has_tpm": lazy("TPM"),
    "has_screen": lazy("screen"),
    "has_serial": lazy("serial port"),
    "has_agent": lazy("guest agent"),
    "has_rng": lazy("random numbers"),
    "is_read": lazy("cloud-init"),
    "user": lazy("user to propose"),
    "packages": lazy("packages"),
    "timezone": lazy("time zone"),
    "locale": lazy("locale"),
    "user_data": lazy("cloud-config"),
}


def changed_label(name: str) -> str:
    """Name a part of a template that differs from the version before."""
    return str(CHANGED.get(name, name))
