"""A guest for each option of a template, for golden files and for starting them all once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vms.hypervisor.hardware import (
    CpuMode,
    Discard,
    DiskBus,
    DiskCache,
    Firmware,
    Hardware,
    Machine,
    NicModel,
    Topology,
    VideoModel,
)
from vms.hypervisor.types import Accelerator, DiskSpec, NicSpec, VmMetadata, VmSpec

PLAIN = VmSpec(
    uuid="6695eb01-f6a4-8304-79aa-97f2502e193f",
    name="option",
    vcpus=1,
    memory_mib=64,
    accelerator=Accelerator.QEMU,
    disks=(DiskSpec("/pool/option.qcow2"),),
    nics=(NicSpec("default"),),
    metadata=VmMetadata("option", "alice", "Options", "0123abcd"),
)


def _hardware(**values: object) -> Callable[[VmSpec], VmSpec]:
    return lambda spec: replace(spec, hardware=Hardware(**values))  # type: ignore[arg-type]


def _disk(**values: object) -> Callable[[VmSpec], VmSpec]:
    return lambda spec: replace(spec, disks=(replace(spec.disks[0], **values),))


def _on_pc(change: Callable[[VmSpec], VmSpec]) -> Callable[[VmSpec], VmSpec]:
    def changed(spec: VmSpec) -> VmSpec:
        made = change(spec)
        return replace(made, hardware=replace(made.hardware, machine=Machine.PC))

    return changed


def _nic(model: NicModel) -> Callable[[VmSpec], VmSpec]:
    return lambda spec: replace(spec, nics=(NicSpec("default", model=model.value),))


def _several(spec: VmSpec) -> VmSpec:
    disks = tuple(
        DiskSpec(f"/pool/option-{number}.qcow2", bus=bus.value, boot_order=order)
        for number, (bus, order) in enumerate(
            [(DiskBus.VIRTIO, 1), (DiskBus.SCSI, None), (DiskBus.SATA, None), (DiskBus.USB, None)]
        )
    )
    nics = (NicSpec("default"), NicSpec("default", "e1000e"), NicSpec("default", "rtl8139"))
    return replace(spec, disks=disks, nics=nics)


def _network_boot(spec: VmSpec) -> VmSpec:
    disk = replace(spec.disks[0], boot_order=1)
    return replace(spec, disks=(disk,), nics=(NicSpec("default", boot_order=2),))


def _caches(spec: VmSpec) -> VmSpec:
    disks = tuple(
        DiskSpec(f"/pool/option-{number}.qcow2", cache=cache)
        for number, cache in enumerate(each for each in DiskCache if each)
    )
    return replace(spec, disks=disks)


def _cards(spec: VmSpec) -> VmSpec:
    return replace(spec, nics=tuple(NicSpec("default", model.value) for model in NicModel))


def _guarded(spec: VmSpec) -> VmSpec:
    hardware = Hardware(
        cpu_mode=CpuMode.NAMED,
        cpu_model="Nehalem",
        topology=Topology(1, 2, 1),
        firmware=Firmware.SECURE_BOOT,
        has_tpm=True,
    )
    return replace(spec, vcpus=2, hardware=hardware)


def _cd_seed(spec: VmSpec) -> VmSpec:
    disk = replace(spec.disks[0], bus="sata")
    seed = DiskSpec("/pool/seed.iso", format="raw", device="cdrom", bus="sata", is_readonly=True)
    return replace(spec, disks=(disk, seed), cdrom_path="/pool/installer.iso")


OPTIONS: dict[str, Callable[[VmSpec], VmSpec]] = {
    "plain": lambda spec: spec,
    "machine-q35": _hardware(machine=Machine.Q35),
    "machine-pc": _hardware(machine=Machine.PC),
    "cpu-host-passthrough": lambda spec: replace(
        spec,
        accelerator=Accelerator.KVM,
        hardware=Hardware(cpu_mode=CpuMode.HOST_PASSTHROUGH),
    ),
    "cpu-host-model": _hardware(cpu_mode=CpuMode.HOST_MODEL),
    "cpu-named": _hardware(cpu_mode=CpuMode.NAMED, cpu_model="Nehalem"),
    "topology": lambda spec: replace(spec, vcpus=4, hardware=Hardware(topology=Topology(1, 2, 2))),
    "uefi": _hardware(firmware=Firmware.UEFI),
    "secure-boot": _hardware(firmware=Firmware.SECURE_BOOT),
    "tpm": _hardware(has_tpm=True),
    **{
        f"disk-{bus.value}": _disk(bus=bus.value)
        for bus in (DiskBus.SCSI, DiskBus.SATA, DiskBus.USB)
    },
    "disk-ide": _on_pc(_disk(bus="ide")),
    **{f"cache-{cache.value}": _disk(cache=cache) for cache in DiskCache if cache},
    "discard-ignore": _disk(discard=Discard.IGNORE),
    "disk-raw": _disk(path="/pool/option.raw", format="raw"),
    "several": _several,
    **{f"nic-{model.value}": _nic(model) for model in NicModel if model is not NicModel.VIRTIO},
    "no-nic": lambda spec: replace(spec, nics=()),
    **{
        f"video-{video.value}": _hardware(video=video)
        for video in VideoModel
        if video is not VideoModel.VIRTIO
    },
    "no-screen": _hardware(has_screen=False),
    "no-serial": _hardware(has_serial=False),
    "no-agent": _hardware(has_agent=False),
    "no-rng": _hardware(has_rng=False),
    "all-caches": _caches,
    "all-nics": _cards,
    "guarded": _guarded,
    "network-boot": _network_boot,
    "cd-seed": _cd_seed,
    "bare": _hardware(has_screen=False, has_serial=False, has_agent=False, has_rng=False),
}
"""Name of each option, and what it changes in the plain guest."""
NEEDS_KVM = frozenset({"cpu-host-passthrough"})
STARTED_IN = {
    "all-caches": {f"cache-{cache.value}" for cache in DiskCache if cache},
    "all-nics": {f"nic-{model.value}" for model in NicModel},
    "several": {"disk-scsi", "disk-sata", "disk-usb"},
    "guarded": {"cpu-named", "topology", "secure-boot", "tpm"},
    "bare": {"no-screen", "no-serial", "no-agent", "no-rng"},
    "plain": {"machine-q35"},
}
"""Options that are started as part of another guest: each start takes a second or more."""
STARTED = [
    name
    for name in OPTIONS
    if name not in NEEDS_KVM and not any(name in parts for parts in STARTED_IN.values())
]


def spec_with(name: str) -> VmSpec:
    """Return the guest of an option."""
    return OPTIONS[name](PLAIN)
