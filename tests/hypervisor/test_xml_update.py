"""Edits in place: what was asked for changes, and nothing else."""

from __future__ import annotations

import difflib

import pytest

from vms.hypervisor.errors import InvalidConfig, Unsupported
from vms.hypervisor.types import ConfigChange
from vms.hypervisor.xml.parse import parse_domain
from vms.hypervisor.xml.update import apply, drive_with_media, with_media

EXPERT = """<domain xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0" type="qemu">
  <!-- mine: keep -->
  <name>old</name>
  <memory unit="KiB">65536</memory>
  <currentMemory unit="KiB">32768</currentMemory>
  <vcpu placement="static" cpuset="0-1" current="1">2</vcpu>
  <vcpus><vcpu id="0" enabled="yes"/></vcpus>
  <cputune><shares>7</shares><vcpupin vcpu="0" cpuset="0"/><vcpupin vcpu="1" cpuset="1"/></cputune>
  <os><type>hvm</type><boot dev="hd"/><bootmenu enable="yes"/></os>
  <cpu mode="custom"><model>qemu64</model><topology sockets="1" cores="2" threads="1"/></cpu>
  <devices>
    <disk type="file" device="disk" snapshot="external">
      <source file="/a"/>
      <target dev="vda" bus="virtio"/>
      <weird kept="yes"/>
    </disk>
    <disk type="file" device="cdrom">
      <source file="/old.iso"/>
      <target dev="sdb" bus="sata"/>
    </disk>
    <interface type="network">
      <mac address="52:54:00:AA:00:01"/>
      <boot order="1"/>
    </interface>
    <hostdev mode="subsystem"><boot order="2"/></hostdev>
    <graphics type="vnc" passwd="secret"/>
  </devices>
  <qemu:commandline><qemu:arg value="-x"/></qemu:commandline>
</domain>"""


def changed_lines(after: str) -> list[str]:
    lines = difflib.ndiff(EXPERT.splitlines(), after.splitlines())
    return [line.replace("  ", "") for line in lines if line[0] in "+-"]


def test_nothing_asked_for_changes_nothing() -> None:
    assert apply(EXPERT, ConfigChange()) == EXPERT


def test_memory_changes_two_lines() -> None:
    assert set(changed_lines(apply(EXPERT, ConfigChange(memory_mib=128)))) == {
        '- <memory unit="KiB">65536</memory>',
        '- <currentMemory unit="KiB">32768</currentMemory>',
        '+ <memory unit="MiB">128</memory>',
        '+ <currentMemory unit="MiB">128</currentMemory>',
    }


def test_a_name_of_any_signs_is_written_as_text() -> None:
    after = apply(EXPERT, ConfigChange(name="</name>&\"'<b>"))
    assert parse_domain(after).name == "</name>&\"'<b>"
    with pytest.raises(InvalidConfig):
        apply(EXPERT, ConfigChange(name="\x01"))


def test_more_vcpus_drop_what_no_longer_fits() -> None:
    after = apply(EXPERT, ConfigChange(vcpus=4))
    assert '<vcpu placement="static" cpuset="0-1">4</vcpu>' in after
    assert "<vcpus>" not in after
    assert "<topology" not in after
    assert after.count("<vcpupin") == 2
    assert "<model>qemu64</model>" in after
    assert 'passwd="secret"' in after
    assert "<!-- mine: keep -->" in after


def test_fewer_vcpus_lose_their_pins() -> None:
    after = apply(EXPERT, ConfigChange(vcpus=1))
    assert after.count("<vcpupin") == 1
    assert "<shares>7</shares>" in after


def test_a_topology_that_still_fits_stays() -> None:
    assert "<topology" in apply(EXPERT, ConfigChange(vcpus=2))


def test_memory_of_one_numa_cell_follows_and_of_several_is_refused() -> None:
    cell = "<cell id='0' cpus='0-1' memory='1' unit='KiB'/>"
    one = f"<domain><maxMemory unit='MiB'>9</maxMemory><cpu><numa>{cell}</numa></cpu></domain>"
    after = apply(one, ConfigChange(memory_mib=64))
    assert '<cell id="0" cpus="0-1" memory="64" unit="MiB"/>' in after
    assert '<maxMemory unit="MiB">64</maxMemory>' in after
    with pytest.raises(Unsupported):
        apply(one.replace(cell, cell + cell), ConfigChange(memory_mib=64))


def test_boot_order_names_disks_and_nics_and_forgets_the_rest() -> None:
    after = apply(EXPERT, ConfigChange(boot=("52:54:00:aa:00:01", "vda")))
    seen = parse_domain(after)
    assert seen.os_boot == ()
    assert [disk.boot_order for disk in seen.disks] == [2, None]
    assert seen.nics[0].boot_order == 1
    assert after.count("<boot ") == 2
    assert "<bootmenu" in after


def test_a_boot_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidConfig):
        apply(EXPERT, ConfigChange(boot=("vdz",)))


def test_a_medium_changes_the_first_drive_only() -> None:
    after = with_media(EXPERT, "/a & b.iso")
    assert [disk.source for disk in parse_domain(after).disks] == ["/a", "/a & b.iso"]
    empty = with_media(after, "")
    assert [disk.source for disk in parse_domain(empty).disks] == ["/a", ""]
    assert '<weird kept="yes"/>' in empty


def test_a_drive_is_added_where_there_is_none() -> None:
    bare = "<domain><devices><disk><target dev='sda'/></disk></devices></domain>"
    disk = parse_domain(with_media(bare, "/x.iso")).disks[1]
    assert (disk.device, disk.target, disk.bus, disk.source) == ("cdrom", "sdb", "sata", "/x.iso")
    assert with_media(bare, "") == bare
    assert drive_with_media(bare, "/x.iso") is None


def test_a_drive_alone_is_a_device_for_libvirt() -> None:
    alone = drive_with_media(EXPERT, "/new.iso")
    assert alone is not None
    assert alone.startswith("<disk ")
    assert '<source file="/new.iso"/>' in alone
    assert "</disk>" in alone[-8:]
