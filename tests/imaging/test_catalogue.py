"""The catalogue of official images, ours and an operator's."""

from __future__ import annotations

import pytest

from vms.imaging import addresses, catalogue, osinfo
from vms.imaging.catalogue import CatalogueError

SYSTEMS = (
    "Debian 12",
    "Debian 13",
    "Ubuntu 22.04 LTS",
    "Ubuntu 24.04 LTS",
    "Fedora",
    "AlmaLinux",
    "Rocky Linux",
    "CentOS Stream",
    "openSUSE Leap",
    "openSUSE Tumbleweed",
    "Arch Linux",
    "Alpine Linux",
    "FreeBSD",
    "CirrOS",
)
WITHOUT_ARM = {"Arch Linux"}
"""Projects that publish none."""


def test_every_system_is_there_for_both_machines_with_its_checksum():
    entries = catalogue.load()
    for system in SYSTEMS:
        arches = {entry.arch for entry in entries if entry.name.startswith(system)}
        assert arches == ({"x86_64"} if system in WITHOUT_ARM else {"x86_64", "aarch64"}), system
    for entry in entries:
        assert entry.url.startswith("https://")
        assert entry.checksum_url.startswith("https://")
        assert entry.user
        assert addresses.parse(entry.url).hostname
        assert entry.memory_mib >= 128


def test_systems_of_the_catalogue_are_known_by_the_osinfo_database_or_by_us():
    known = {os.id for os in osinfo.database().values()}
    unknown = {entry.os_id for entry in catalogue.load() if entry.os_id not in known}
    assert not unknown


@pytest.mark.parametrize(
    "text",
    [
        "nothing: here",
        "- id: x",
        "- id: x\n  name: X\n  images: {x86_64: {url: 'file:///x.img', checksum_url: 'https://a/b'}}",
        "- id: x\n  name: X\n  images: {x86_64: {url: 'https://a/x.doc', checksum_url: 'https://a/b'}}",
        "[1, 2",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_file_that_is_no_catalogue_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=r"mine\.yaml"):
        catalogue.load(path)
    with pytest.raises(CatalogueError):
        catalogue.load(tmp_path / "none.yaml")
