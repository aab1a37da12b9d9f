"""ISO images: what they say of themselves and which system they install."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imaging.conftest import make_iso
from vms.imaging import iso, osinfo, proposal
from vms.imaging.iso import IsoFacts


def facts_of(folder: Path, *args: str, **more: object) -> IsoFacts:
    path = folder / "x.iso"
    path.write_bytes(make_iso(*args, **more))
    return iso.read(path)


def labelled(volume_id: str, system_id: str = "", publisher: str = "") -> IsoFacts:
    return IsoFacts(volume_id, system_id, publisher, "", is_bootable=True, has_efi=False)


def test_ids_and_bootability_are_read(folder):
    plain = facts_of(folder, "MY DISC", system_id="LINUX", publisher="ME")
    assert (plain.volume_id, plain.system_id, plain.publisher_id) == ("MY DISC", "LINUX", "ME")
    assert not plain.is_bootable
    assert facts_of(folder, "BOOTS", boot=True).is_bootable


@pytest.mark.parametrize(
    ("volume_id", "os_id", "arch"),
    [
        ("Debian 12.5.0 amd64 n", "debian12", "x86_64"),
        ("Debian 13.1.0 arm64 n", "debian13", "aarch64"),
        ("Debian 11.5.0 amd64 n", "debian11", "x86_64"),
        ("Ubuntu-Server 24.04.1 LTS amd64", "ubuntu24.04", "x86_64"),
        ("AlmaLinux-9-1-x86_64-dvd", "almalinux9", "x86_64"),
        ("alpine-virt 3.22.1 x86_64", "alpinelinux3.22", "x86_64"),
        ("14_3_RELEASE_AMD64_CD", "freebsd14", "x86_64"),
    ],
)
def test_a_system_is_known_by_its_volume_id(volume_id, os_id, arch):
    found = osinfo.identify(labelled(volume_id))
    assert found is not None
    assert (found.os.id, found.arch) == (os_id, arch)


def test_a_disc_that_nobody_knows_is_no_system():
    assert osinfo.identify(labelled("HOLIDAYS 2009")) is None


def test_a_linux_gets_virtio_and_windows_what_it_has_drivers_for():
    linux, windows = proposal.for_os("debian12"), proposal.for_os("win10")
    assert (linux.disk_bus, linux.nic_model) == ("virtio", "virtio")
    assert linux.memory_mib >= 1024
    assert linux.disk_bytes >= 10 << 30
    assert (windows.disk_bus, windows.nic_model) == ("sata", "e1000e")
    assert proposal.for_os("win11").needs_uefi
    assert proposal.for_os("win11").needs_tpm


def test_an_unknown_system_gets_what_nearly_every_linux_takes():
    assert proposal.for_os("").disk_bus == "virtio"
