"""Who needs a file: disks, CDs, chains of backing files, definitions that differ from what runs."""

from __future__ import annotations

from vms.hypervisor import usage
from vms.hypervisor.storage_types import DiskUse
from vms.hypervisor.types import Disk, VolumeInfo


def volume(name: str, backing: str = "", pool: str = "p") -> VolumeInfo:
    below = f"/p/{backing}" if backing else ""
    return VolumeInfo(pool, name, f"/p/{name}", "qcow2", 1, 1, below)


def disk(source: str = "", *, place: tuple[str, str] = ("", ""), backing=()) -> Disk:
    return Disk("vda", "disk", "virtio", source, *place, "qcow2", False, None, backing)


def use(name: str, *, is_active: bool = False) -> DiskUse:
    return DiskUse(f"uuid-{name}", name, "vda", "disk", is_active, False)


def test_a_disk_of_its_own_is_a_use_without_depth():
    found = usage.users_among("/p/a", [(use("one"), disk("/p/a"))], [volume("a")])
    assert [(one.domain_name, one.depth) for one in found.disks] == [("one", 0)]


def test_a_disk_named_by_pool_and_volume_is_found_too():
    found = usage.users_among("/p/a", [(use("one"), disk(place=("p", "a")))], [volume("a")])
    assert [one.depth for one in found.disks] == [0]


def test_a_chain_of_volumes_reaches_the_guest_on_top_of_it():
    chain = [volume("base"), volume("middle", "base"), volume("top", "middle"), volume("alien")]
    found = usage.users_among(
        "/p/base", [(use("on top"), disk("/p/top")), (use("alien"), disk("/p/alien"))], chain
    )
    assert [(one.domain_name, one.depth) for one in found.disks] == [("on top", 2)]
    assert [one.name for one in found.overlays] == ["middle", "top"]


def test_a_chain_that_only_the_running_domain_shows_counts():
    running = (use("one", is_active=True), disk("/elsewhere/top", backing=("/p/mid", "/p/base")))
    found = usage.users_among("/p/base", [running], [volume("base")])
    assert [one.depth for one in found.disks] == [2]


def test_one_disk_seen_live_and_defined_is_one_use():
    seen = [(use("one"), disk("/p/a")), (use("one"), disk("/p/a"))]
    assert len(usage.users_among("/p/a", seen, []).disks) == 1


def test_a_disk_that_only_the_definition_has_is_a_use():
    seen = [(use("one", is_active=True), disk("/p/b")), (use("one"), disk("/p/a"))]
    assert len(usage.users_among("/p/a", seen, []).disks) == 1


def test_volumes_based_on_each_other_in_a_circle_end():
    found = usage.users_among("/p/a", [], [volume("a", "b"), volume("b", "a")])
    assert [one.name for one in found.overlays] == ["b"]


def test_nothing_needs_a_file_that_nobody_names():
    found = usage.users_among("/p/a", [(use("one"), disk("/p/ab"))], [volume("ab", "b")])
    assert not found.disks
    assert not found.overlays
