"""Every option of a template, started once: defined by libvirt with validation, then run paused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import libvirt
import pytest

from tests.support.hardware import STARTED, spec_with
from vms.hypervisor import domains, nodes, storage
from vms.hypervisor.connection import HostConnection, Lane
from vms.hypervisor.hardware import Firmware
from vms.hypervisor.types import Accelerator, DiskSpec, NetworkInfo, PoolInfo, VmSpec
from vms.hypervisor.xml.build import domain_xml


@pytest.fixture(scope="module")
def volumes(real_host: HostConnection, real_pool: PoolInfo) -> Iterator[dict[str, str]]:
    """Blank disks and a CD, by the name that the options use: guests that are paused share them."""
    made = {}
    for name, kind in [("option.qcow2", "qcow2"), ("option.raw", "raw")] + [
        (f"option-{number}.qcow2", "qcow2") for number in range(5)
    ]:
        volume = storage.create_volume(
            real_host, pool=real_pool.name, name=name, format=kind, capacity_bytes=1 << 20
        )
        made[f"/pool/{name}"] = volume.path
    for name in ("seed.iso", "installer.iso"):
        volume = storage.upload_bytes(real_host, pool=real_pool.name, name=name, data=bytes(4096))
        made[f"/pool/{name}"] = volume.path
    yield made
    for path in made:
        storage.delete_volume(real_host, pool=real_pool.name, name=path.removeprefix("/pool/"))


@pytest.fixture
def localized(
    volumes: dict[str, str], real_network: NetworkInfo, real_prefix: str
) -> Callable[[str], VmSpec]:
    """The guest of an option with the disks and the network of this run."""

    def make(name: str) -> VmSpec:
        spec = spec_with(name)

        def here(disk: DiskSpec) -> DiskSpec:
            return replace(disk, path=volumes[disk.path])

        return replace(
            spec,
            uuid=str(uuid.uuid4()),
            name=f"{real_prefix}{name}",
            disks=tuple(here(disk) for disk in spec.disks),
            nics=tuple(replace(nic, network=real_network.name) for nic in spec.nics),
            cdrom_path=volumes.get(spec.cdrom_path, ""),
        )

    return make


@pytest.mark.parametrize("name", STARTED)
def test_each_option_starts(
    name: str,
    localized: Callable[[str], VmSpec],
    real_host: HostConnection,
    real_cleanup: Callable[[str], None],
) -> None:
    spec = localized(name)
    real_cleanup(spec.uuid)
    domains.define(real_host, spec)

    def start_paused(conn: libvirt.virConnect) -> tuple[int, int]:
        domain = conn.lookupByUUIDString(spec.uuid)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        state: tuple[int, int] = domain.state()
        domain.destroy()
        return state

    state, _reason = real_host.call(Lane.VERBS, start_paused, timeout_s=60)
    assert state == libvirt.VIR_DOMAIN_PAUSED


def test_what_needs_kvm_is_refused_here_or_starts_there(
    localized: Callable[[str], VmSpec], real_host: HostConnection
) -> None:
    """Without KVM the host's options say so, and the same template is emulated all the same."""
    facts = nodes.facts(real_host)
    assert facts.options.is_known
    has_kvm = facts.accelerator is Accelerator.KVM
    assert ("host-passthrough" in facts.options.cpu_modes) is has_kvm
    emulated = replace(localized("cpu-host-passthrough"), accelerator=Accelerator.QEMU)
    assert '<cpu mode="maximum"/>' in domain_xml(emulated)


def test_the_options_of_this_host_name_what_is_installed(real_host: HostConnection) -> None:
    options = nodes.facts(real_host).options
    assert set(options.machines) == {"q35", "pc"}
    assert set(options.firmwares) == set(Firmware)
    assert options.has_tpm
    assert {"virtio", "scsi", "sata", "usb", "ide"} <= set(options.disk_buses)
    assert "Nehalem" in options.cpu_models
