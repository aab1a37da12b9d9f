"""The XML of new guests, against golden files. WRITE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from vms.hypervisor.errors import InvalidConfig
from vms.hypervisor.types import Accelerator, DiskSpec, NicSpec, VmMetadata, VmSpec
from vms.hypervisor.xml.build import (
    Platform,
    domain_xml,
    letters,
    metadata_xml,
    pool_xml,
    volume_xml,
)
from vms.hypervisor.xml.parse import parse_domain

GOLDEN = Path(__file__).parent / "golden"
ODD = "ä <b>&\"' # %"

SPEC = VmSpec(
    uuid="6695eb01-f6a4-8304-79aa-97f2502e193f",
    name="web-1",
    vcpus=2,
    memory_mib=512,
    accelerator=Accelerator.QEMU,
    disks=(
        DiskSpec("/pool/6695eb01.qcow2"),
        DiskSpec("/pool/6695eb01-seed.iso", format="raw", is_readonly=True),
    ),
    nics=(NicSpec("default"),),
    metadata=VmMetadata("web-1", "alice", "Tiny Linux", "0123abcd"),
)
# What XML can hold, line ends apart: a parser makes \n of every \r.
TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff")
)


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("qemu", SPEC),
        ("kvm", replace(SPEC, accelerator=Accelerator.KVM, cdrom_path="/iso/a.iso")),
        ("test", replace(SPEC, accelerator=Accelerator.TEST, arch="i686")),
        ("arm", replace(SPEC, arch="aarch64", description="on ARM")),
    ],
)
def test_a_new_guest_is_the_golden_one(name: str, spec: VmSpec) -> None:
    made = domain_xml(spec)
    file = GOLDEN / f"{name}.xml"
    if os.environ.get("WRITE_GOLDEN"):
        file.write_text(made)
    assert made == file.read_text()


def test_names_cannot_break_out_of_their_place() -> None:
    evil = "</name><devices/><name>\"'&amp;"
    spec = replace(
        SPEC,
        name=evil,
        description=evil,
        disks=(DiskSpec(f"/pool/{evil}"),),
        nics=(NicSpec(evil),),
        metadata=VmMetadata(evil, evil, evil, evil),
        cdrom_path=f"/iso/{evil}",
    )
    seen = parse_domain(domain_xml(spec))
    assert (seen.name, seen.description) == (evil, evil)
    assert seen.disks[0].source == f"/pool/{evil}"
    assert seen.disks[1].source == f"/iso/{evil}"
    assert seen.nics[0].source == evil
    assert seen.metadata == VmMetadata(evil, evil, evil, evil)


@given(name=TEXT, owner=TEXT)
def test_whatever_is_written_is_read_again(name: str, owner: str) -> None:
    spec = replace(SPEC, name=name, metadata=VmMetadata(name, owner))
    seen = parse_domain(domain_xml(spec))
    assert seen.name == name
    assert seen.metadata == VmMetadata(name, owner)


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\ufffe", "\ud800"])
def test_characters_that_xml_has_not_are_refused(sign: str) -> None:
    for spec in (
        replace(SPEC, name=f"a{sign}"),
        replace(SPEC, metadata=VmMetadata(owner=sign)),
        replace(SPEC, cdrom_path=f"/{sign}"),
    ):
        with pytest.raises(InvalidConfig):
            domain_xml(spec)


def test_a_given_boot_order_is_kept_and_the_drive_comes_last() -> None:
    spec = replace(SPEC, disks=(DiskSpec("/a"), DiskSpec("/b", boot_order=1)))
    orders = [disk.boot_order for disk in parse_domain(domain_xml(spec)).disks]
    assert orders == [None, 1, 2]


def test_a_guest_without_disks_boots_from_its_drive() -> None:
    seen = parse_domain(domain_xml(replace(SPEC, disks=())))
    assert [(d.device, d.boot_order) for d in seen.disks] == [("cdrom", 1)]


def test_disks_of_one_kind_get_letters_in_order() -> None:
    disks = tuple(DiskSpec(f"/{n}", bus=bus) for n, bus in enumerate(("virtio", "sata", "virtio")))
    seen = parse_domain(domain_xml(replace(SPEC, disks=disks)))
    assert [disk.target for disk in seen.disks] == ["vda", "sda", "vdb", "sdb"]
    assert [letters(n) for n in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]


def test_the_clipboard_agent_is_there_only_where_the_platform_has_it() -> None:
    assert "qemu-vdagent" in domain_xml(SPEC, Platform(has_vdagent=True))
    assert "qemu-vdagent" not in domain_xml(SPEC, Platform(has_vdagent=False))


def test_an_overlay_names_its_base() -> None:
    made = volume_xml(
        name=ODD, format="qcow2", capacity_bytes=1024, backing_path=f"/{ODD}", backing_format="raw"
    )
    root = etree.fromstring(made)
    assert root.findtext("name") == ODD
    assert root.findtext("allocation") == "0"
    assert root.findtext("backingStore/path") == f"/{ODD}"
    assert etree.fromstring(pool_xml(name=ODD, path=f"/{ODD}")).findtext("target/path") == f"/{ODD}"


def test_metadata_for_libvirt_has_no_namespace_of_its_own() -> None:
    assert metadata_xml(VmMetadata("a&b", "c", "d", "e")) == (
        '<vm name="a&amp;b" owner="c" template="d" installation="e"/>'
    )
