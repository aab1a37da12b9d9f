"""A template from the XML of a guest says what that guest is."""

from __future__ import annotations

import pytest

from tests.support.hardware import OPTIONS, spec_with
from vms.hypervisor.blueprint import DiskPlan
from vms.hypervisor.hardware import CpuMode, Hardware, Machine
from vms.hypervisor.types import Accelerator
from vms.hypervisor.xml.build import domain_xml
from vms.hypervisor.xml.machine import disk_like, machine_of


@pytest.mark.parametrize("name", OPTIONS)
def test_what_was_built_from_an_option_is_read_as_that_option(name: str) -> None:
    spec = spec_with(name)
    xml = domain_xml(spec)
    seen = machine_of(xml, ())
    assert (seen.vcpus, seen.memory_mib) == (spec.vcpus, spec.memory_mib)
    assert [(nic.network, nic.model) for nic in seen.nics] == [
        (nic.network, nic.model) for nic in spec.nics
    ]
    wanted = spec.hardware
    for field in Hardware.__slots__:
        if field == "machine":  # the usual one is written by its name
            assert seen.hardware.machine is (wanted.machine or Machine.Q35)
        elif field == "cpu_mode" and spec.accelerator is Accelerator.KVM:
            assert seen.hardware.cpu_mode is CpuMode.HOST_PASSTHROUGH
        elif field == "video" and not wanted.has_screen:
            continue
        else:
            assert getattr(seen.hardware, field) == getattr(wanted, field), field
    first = disk_like(xml, {"virtio": "vda", "ide": "hda"}.get(spec.disks[0].bus, "sda"))
    own = spec.disks[0]
    assert (first.bus, first.cache, first.discard) == (own.bus, own.cache, own.discard)


def test_what_an_expert_wrote_is_as_usual_where_a_template_has_no_word_for_it() -> None:
    xml = (
        "<domain type='kvm'><os><type machine='pc-i440fx-7.2'>hvm</type>"
        "<loader type='pflash'>/x</loader></os><cpu mode='custom'><model>EPYC</model></cpu>"
        "<devices><disk><target dev='xvda' bus='xen'/></disk>"
        "<interface type='bridge'><source bridge='br0'/></interface>"
        "<interface type='network'><source network='n'/><model type='strange'/></interface>"
        "<video><model type='vmvga'/></video></devices></domain>"
    )
    seen = machine_of(xml, (disk_like(xml, "xvda"),))
    assert (seen.hardware.machine, seen.hardware.firmware) == ("pc", "uefi")
    assert (seen.hardware.cpu_mode, seen.hardware.cpu_model) == ("named", "EPYC")
    assert [nic.model for nic in seen.nics] == ["virtio"]
    assert seen.disks[0].bus == "virtio"
    assert disk_like(xml, "nowhere") == DiskPlan()
