"""Domain XML as others wrote it: odd, broken or hostile, it never raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.hypervisor.types import Domain, VmMetadata
from vms.hypervisor.xml.parse import parse_domain, parse_metadata

RICH = """<?xml version="1.0" encoding="latin-1"?>
<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>böse</name><title>T</title><description>a
 b </description>
  <metadata>
    <x:other xmlns:x='urn:x'/><kvmweb:vm xmlns:kvmweb='https://kvmweb.dev/xmlns/vm/1' owner='al'/>
  </metadata>
  <memory unit='GiB'>2</memory><currentMemory unit='MiB'>1536</currentMemory>
  <vcpu placement='static' current='2'>8</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader type='pflash'>/x</loader>
    <boot dev='hd'/><boot/><boot dev='network'/></os>
  <devices>
    <disk type='file' device='disk'><driver type='qcow2'/><source file='/a'/>
      <backingStore type='file'><format type='qcow2'/><source file='/b'/>
        <backingStore type='file'><source file='/c'/><backingStore/></backingStore>
      </backingStore>
      <target dev='vda' bus='virtio'/><boot order='2'/></disk>
    <disk type='volume'><source pool='p' volume='v'/><target dev='vdb'/><readonly/></disk>
    <disk type='block' device='lun'><source dev='/dev/x'/></disk>
    <disk type='network'><source protocol='rbd' name='pool/image'/></disk>
    <disk device='cdrom'/>
    <disk/>
    <interface type='bridge'><mac address='AA:BB:CC:00:00:01'/><source bridge='br0'/>
      <target dev='vnet0'/><model type='virtio'/><boot order='nonsense'/></interface>
    <interface type='direct'><source dev='eth0' mode='bridge'/></interface>
    <interface/>
    <graphics type='spice'/><graphics/>
    <serial/><serial/>
    <channel><target name='org.qemu.guest_agent.0'/></channel>
    <unknown><deep/></unknown>
  </devices>
  <qemu:commandline><qemu:arg value='-x'/></qemu:commandline>
</domain>"""


def test_everything_that_is_there_is_read() -> None:
    seen = parse_domain(RICH)
    assert seen.is_readable
    assert (seen.name, seen.title, seen.description) == ("böse", "T", "a\n b ")
    assert (seen.vcpus, seen.memory_mib) == (2, 1536)
    assert (seen.arch, seen.machine, seen.type) == ("x86_64", "pc-q35-7.2", "kvm")
    assert seen.firmware == "efi"
    assert seen.os_boot == ("hd", "network")
    assert seen.graphics == ("spice", "")
    assert seen.serial_count == 2
    assert seen.has_guest_agent
    assert seen.metadata == VmMetadata(owner="al")
    assert parse_metadata(RICH) == VmMetadata(owner="al")


def test_disks_and_interfaces_of_every_kind_are_read() -> None:
    seen = parse_domain(RICH)
    first = seen.disks[0]
    assert (first.source, first.backing, first.boot_order) == ("/a", ("/b", "/c"), 2)
    assert (seen.disks[1].source_pool, seen.disks[1].source_volume) == ("p", "v")
    assert seen.disks[1].is_readonly
    assert [disk.source for disk in seen.disks[2:]] == ["/dev/x", "pool/image", "", ""]
    assert [nic.source for nic in seen.nics] == ["br0", "eth0", ""]
    assert seen.nics[0].mac == "aa:bb:cc:00:00:01"
    assert seen.nics[0].boot_order is None


@pytest.mark.parametrize(
    "xml", ["", " ", "no xml", "<domain>", "<pool/>", "\x00", "<a:b/>", "<domain>\udc80</domain>"]
)
def test_what_is_no_domain_is_unreadable_and_nothing_worse(xml: str) -> None:
    assert parse_domain(xml) == Domain(is_readable=False)
    assert parse_metadata(xml) is None


def test_an_empty_domain_is_readable() -> None:
    assert parse_domain("<domain/>") == Domain()


def test_numbers_that_are_none_count_as_zero() -> None:
    seen = parse_domain("<domain><vcpu>many</vcpu><memory unit='cubits'>x</memory></domain>")
    assert (seen.vcpus, seen.memory_mib) == (0, 0)


def test_memory_without_a_unit_is_in_kib() -> None:
    assert parse_domain("<domain><memory>2097152</memory></domain>").memory_mib == 2048


def test_entities_are_not_expanded() -> None:
    bomb = (
        "<!DOCTYPE d [<!ENTITY f SYSTEM 'file:///etc/passwd'><!ENTITY a 'aaaa'>]>"
        "<domain><name>x&f;&a;y</name></domain>"
    )
    name = parse_domain(bomb).name
    assert "root" not in name
    assert "aaaa" not in name


@given(st.text())
def test_no_text_whatever_raises(text: str) -> None:
    parse_domain(text)
    parse_domain(f"<domain><name>{text}</name></domain>")
