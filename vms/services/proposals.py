"""What a template of an image should say: from the system that was found in it, and from its host.

Proposes only; nothing here is judged or kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vms import selectors
from vms.hypervisor.blueprint import (
    Blueprint,
    CloudPlan,
    DiskOrigin,
    DiskPlan,
    NicPlan,
    SourceKind,
    with_first_network,
)
from vms.hypervisor.hardware import (
    DiskBus,
    Firmware,
    GuestOptions,
    Hardware,
    Machine,
    NicModel,
    VideoModel,
)
from vms.imaging import formats
from vms.imaging.proposal import Proposal
from vms.models import Host, Volume
from vms.policy import Actor
from vms.problems import Problem
from vms.services import fitting, hosts, images, names, templates
from vms.services.templates import TemplateContent


@dataclass(frozen=True, slots=True)
class ProposedTemplate:
    """What is proposed for an image."""

    image: Volume
    content: TemplateContent
    is_recognised: bool
    """The system in it is known."""
    lacks: tuple[str, ...] = ()
    """Codes of what the system wants and the host has not; it is left out of the content."""


def for_image(*, actor: Actor, image_id: selectors.Identifier) -> ProposedTemplate:
    """Propose a template of a disk image or an installer. Raises NotFound."""
    image = images.get(actor=actor, image_id=image_id)
    volume, found = image.volume, images.proposal_for(image)
    name = found.os_name or (image.origin.os_name if image.origin else "")
    if volume.is_iso:
        blueprint, lacks = _of_installer(found, volume.pool.host)
    else:
        blueprint, lacks = _of_disk(found, volume.pool.host), ()
    content = TemplateContent(_name(name, volume), blueprint, os_name=name)
    return ProposedTemplate(volume, content, bool(found.os_id), lacks)


def _name(os_name: str, volume: Volume) -> str:
    """Name it after its system, or else after its file; "" where that makes no name."""
    wanted = os_name or _stem(volume.name)
    return "" if names.name_problem(wanted) else templates.free_name(wanted)


def _stem(filename: str) -> str:
    try:
        return formats.declared(filename).stem
    except Problem:
        return filename


def _of_disk(found: Proposal, host: Host) -> Blueprint:
    """Keep the usual machine: a disk that was made elsewhere boots from virtio, or says not."""
    usual = with_first_network(Blueprint(), templates.usual_network(host))
    if not found.os_id:
        return usual
    return replace(usual, vcpus=_vcpus(found, host), memory_mib=_memory(found, host))


def _of_installer(found: Proposal, host: Host) -> tuple[Blueprint, tuple[str, ...]]:
    options = hosts.options(host)
    firmware, no_firmware = _firmware(found, options)
    has_tpm = found.needs_tpm and (options.has_tpm or not options.is_known)
    bus = DiskBus(found.disk_bus)
    hardware = Hardware(
        machine=Machine.PC if bus is DiskBus.IDE else Machine.DEFAULT,
        firmware=firmware,
        has_tpm=has_tpm,
        video=_video(found, options),
    )
    blueprint = Blueprint(
        source=SourceKind.ISO,
        vcpus=_vcpus(found, host),
        memory_mib=_memory(found, host),
        hardware=hardware,
        disks=(DiskPlan(DiskOrigin.BLANK, found.disk_bytes, bus=bus),),
        nics=_nics(found, host),
        cloud=CloudPlan(is_read=False),
    )
    no_tpm = ("no-tpm",) if found.needs_tpm and not has_tpm else ()
    return blueprint, (*no_firmware, *no_tpm)


def _nics(found: Proposal, host: Host) -> tuple[NicPlan, ...]:
    network = templates.usual_network(host)
    return (NicPlan(network, NicModel(found.nic_model)),) if network else ()


def _firmware(found: Proposal, options: GuestOptions) -> tuple[Firmware, tuple[str, ...]]:
    """Choose secure boot, or else UEFI, or else what there is."""
    if not found.needs_uefi:
        return Firmware.BIOS, ()
    if not options.is_known or Firmware.SECURE_BOOT in options.firmwares:
        return Firmware.SECURE_BOOT, ()
    if Firmware.UEFI in options.firmwares:
        return Firmware.UEFI, ("no-secure-boot",)
    return Firmware.BIOS, ("no-secure-boot",)


def _video(found: Proposal, options: GuestOptions) -> VideoModel:
    wanted = VideoModel(found.video_model)
    if not options.is_known or wanted in options.videos:
        return wanted
    return VideoModel.VGA


def _vcpus(found: Proposal, host: Host) -> int:
    return min(found.vcpus, int(host.facts.get("cpus") or fitting.MAX_VCPUS))


def _memory(found: Proposal, host: Host) -> int:
    return min(found.memory_mib, int(host.facts.get("memory_mib") or found.memory_mib))
