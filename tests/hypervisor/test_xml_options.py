"""The XML of every option of a template, against golden files and libvirt's own schema.

WRITE_GOLDEN=1 writes them anew. That QEMU takes them is tried in tests/real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from lxml import etree

from tests.support.hardware import OPTIONS, spec_with
from vms.hypervisor.hardware import DiskBus, DiskCache, Firmware, Hardware, NicModel, VideoModel
from vms.hypervisor.xml.build import domain_xml

GOLDEN = Path(__file__).parent / "golden" / "options"


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_makes_the_golden_guest(name: str) -> None:
    made = domain_xml(spec_with(name))
    file = GOLDEN / f"{name}.xml"
    if os.environ.get("WRITE_GOLDEN"):
        file.write_text(made)
    assert made == file.read_text()


def test_every_golden_guest_is_valid_by_the_schema_of_libvirt() -> None:
    schema = Path("/usr/share/libvirt/schemas/domain.rng")
    program = shutil.which("virt-xml-validate")
    assert program is not None
    assert schema.exists()
    files = sorted(GOLDEN.glob("*.xml"))
    rules = etree.RelaxNG(etree.parse(str(schema)))
    for file in files:
        rules.assertValid(etree.parse(str(file)))
    # The program itself, once: it is what a person would use.
    subprocess.run([program, str(files[0]), "domain"], check=True, timeout=60, capture_output=True)


def test_every_choice_has_a_golden_guest() -> None:
    """A new value of an enum, or a new field of the hardware, fails here until it has one."""
    assert {file.stem for file in GOLDEN.glob("*.xml")} == set(OPTIONS)
    specs = [spec_with(name) for name in OPTIONS]
    disks = [disk for spec in specs for disk in spec.disks]
    assert {disk.bus for disk in disks} >= set(DiskBus)
    assert {disk.cache for disk in disks} >= set(DiskCache)
    assert {nic.model for spec in specs for nic in spec.nics} >= set(NicModel)
    hardware = [spec.hardware for spec in specs]
    assert {each.video for each in hardware} >= set(VideoModel)
    assert {each.firmware for each in hardware} >= set(Firmware)
    plain = Hardware()
    for one in fields(Hardware):
        assert any(getattr(each, one.name) != getattr(plain, one.name) for each in hardware), one
