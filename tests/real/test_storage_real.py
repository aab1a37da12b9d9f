"""Storage on a real libvirtd with QEMU: every verb, full disks, stopped pools, cancel, moves.

Services are called as the doors do; jobs run at once, in the calling thread.
"""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import libvirt
import pytest

from tests.real.place import MIB, SMALL, digest, fill, packed
from tests.support.site import wait_until
from vms.hypervisor import domains, storage
from vms.hypervisor import pools as libvirt_pools
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.storage_types import PoolKind
from vms.hypervisor.types import Verb
from vms.models import Job, Pool, Volume
from vms.policy import Person
from vms.problems import Invalid, NotFound, Refused
from vms.services import disks, jobs, pools, survey, uses, volumes
from vms.services.volumes import NewVolume

# pools


def test_a_device_is_formatted_once_mounted_and_given_back(place, loop, small, virsh):
    assert (small.kind, small.state) == ("fs", "active")
    assert 0 < small.capacity_bytes < SMALL
    stopped = pools.stop(actor=place.actor, pool_id=small.pk)
    assert stopped.state == "inactive"
    with pytest.raises(HypervisorError):  # there is a file system on it now
        place.pool("again", kind=PoolKind.FS, device=loop, is_formatted=True)
    assert f"{place.prefix}again" not in [pool.name() for pool in virsh.listAllStoragePools()]
    assert pools.start(actor=place.actor, pool_id=small.pk).state == "active"
    job = place.run(lambda: pools.delete_with_data(actor=place.actor, pool_id=small.pk))
    assert (job.state, job.error_code) == ("succeeded", "")
    assert small.name not in [pool.name() for pool in virsh.listAllStoragePools()]
    assert small.path not in Path("/proc/mounts").read_text()


def test_a_volume_group_is_made_shown_and_removed(place, loop, virsh):
    group = f"kvt{uuid.uuid4().hex[:6]}"
    pool = place.pool(
        "lvm", kind=PoolKind.LOGICAL, group=group, device=loop, is_formatted=True, path=""
    )
    assert (pool.kind, pool.state) == ("logical", "active")
    assert 0 < pool.capacity_bytes <= SMALL
    assert volumes.formats(pool) == ("raw",)
    new = NewVolume("disk", "raw", 8 * MIB)
    made = place.run(lambda: volumes.create(actor=place.actor, pool_id=pool.pk, new=new))
    if made.state == "failed":  # a kernel without the device mapper has no logical volumes
        assert "device-mapper" in str(made.error_params)
        assert place.settled(made)
    else:
        assert place.names(pool) == ["disk"]
    job = place.run(lambda: pools.delete_with_data(actor=place.actor, pool_id=pool.pk))
    assert (job.state, job.error_code) == ("succeeded", "")
    left = subprocess.run(["vgs", "--noheadings"], capture_output=True, text=True, check=True)
    assert group not in left.stdout


def test_a_folder_goes_with_what_is_in_it_and_with_nothing_else(place):
    pool = place.pool("dir")
    place.volume(pool)
    kept = Path(pool.path) / "by-hand.d" / "kept"
    kept.parent.mkdir()
    kept.write_text("not a volume")
    job = place.run(lambda: pools.delete_with_data(actor=place.actor, pool_id=pool.pk))
    assert (job.state, job.error_code) == ("failed", "operation-failed")
    assert kept.read_text() == "not a volume"
    kept.unlink()
    job = place.run(lambda: jobs.repeat(actor=place.actor, job_id=job.pk))
    assert (job.state, job.error_code) == ("succeeded", "")
    assert not Path(pool.path).exists()


# volumes


def test_a_volume_grows_shrinks_and_is_wiped_in_place(place):
    volume = place.volume(place.pool("a"))
    before = fill(volume)
    actor = place.actor
    assert (
        volumes.resize(actor=actor, volume_id=volume.pk, capacity_bytes=512 * MIB).capacity_bytes
        == 512 * MIB
    )
    with pytest.raises(Invalid):
        volumes.resize(actor=actor, volume_id=volume.pk, capacity_bytes=128 * MIB)
    shrunk = volumes.resize(
        actor=actor, volume_id=volume.pk, capacity_bytes=256 * MIB, is_shrink_confirmed=True
    )
    assert shrunk.capacity_bytes == 256 * MIB
    job = place.run(lambda: volumes.wipe(actor=actor, volume_id=volume.pk))
    assert (job.state, job.bytes_done) == ("succeeded", job.bytes_total)
    assert job.bytes_total > 2 * 200 * MIB
    info = storage.get_volume(place.link, pool=volume.pool.name, name=volume.name)
    assert (info.format, info.capacity_bytes) == ("qcow2", 256 * MIB)
    assert info.allocation_bytes < MIB
    assert digest(volume) != before


def test_wiping_overwrites_the_blocks_themselves(place, monkeypatch):
    """Looked at before the file is made anew, through a second name of the same blocks."""
    volume = place.volume(place.pool("a"), "disk.img", 8 * MIB)
    fill(volume, 4 * MIB)
    other = Path(volume.path).with_name("same-blocks")
    other.hardlink_to(volume.path)
    job = place.run(lambda: volumes.wipe(actor=place.actor, volume_id=volume.pk))
    assert job.state == "succeeded"
    assert not any(other.read_bytes())


def test_a_clone_stands_alone_and_keeps_the_source_as_it_was(place, monkeypatch):
    pool = place.pool("a")
    base = place.volume(pool, "base.qcow2")
    fill(base, 32 * MIB)
    storage.create_overlay(
        place.link,
        pool=pool.name,
        name="top.qcow2",
        backing=base,
        capacity_bytes=base.capacity_bytes,
    )
    survey.pool(place.row, pool.name)
    top = Volume.objects.get(pool=pool, name="top.qcow2")
    before = digest(base)
    job = place.run(
        lambda: volumes.clone(actor=place.actor, volume_id=top.pk, name="c.img", format="raw")
    )
    assert (job.state, job.error_code) == ("succeeded", "")
    clone = storage.get_volume(place.link, pool=pool.name, name="c.img")
    assert (clone.format, clone.backing_path) == ("raw", "")
    compared = ["qemu-img", "compare", "-f", "qcow2", "-F", "raw", top.path, clone.path]
    assert subprocess.run(compared, capture_output=True, check=False).returncode == 0
    assert digest(base) == before
    with pytest.raises(Refused, match="volume-needed"):
        volumes.delete(actor=place.actor, volume_id=base.pk)


@pytest.mark.parametrize("step", ["check-volume", "copy-volume"])
def test_a_clone_that_is_cancelled_leaves_nothing(place, monkeypatch, step):
    pool = place.pool("a")
    source = place.volume(pool)
    before = fill(source)
    announce = jobs.announce

    def cancel_there(job: Job) -> None:
        if job.state == "running" and job.step == step:
            Job.objects.filter(pk=job.pk).update(is_cancel_requested=True)
        announce(job)

    monkeypatch.setattr(jobs, "announce", cancel_there)
    job = place.run(
        lambda: volumes.clone(actor=place.actor, volume_id=source.pk, name="never.qcow2")
    )
    assert (job.state, job.error_code) == ("cancelled", "job-cancelled")
    wait_until(lambda: place.settled(job), limit_s=20, what="libvirt lets go of the copy")
    assert place.names(pool) == ["disk.qcow2"]
    assert digest(source) == before


@pytest.mark.parametrize("kind", ["clone", "move"])
def test_a_disk_that_fills_up_in_the_middle_leaves_the_source_as_it_was(place, small, alice, kind):
    pool = place.pool("a")
    source = packed(place, pool)
    before = digest(source)
    guest = place.guest(alice, source.path, is_started=False)

    def ask() -> Job:
        if kind == "move":
            return volumes.move(actor=place.actor, volume_id=source.pk, pool_id=small.pk)
        return volumes.clone(
            actor=place.actor, volume_id=source.pk, name="c.img", pool_id=small.pk, format="raw"
        )

    job = place.run(ask)
    assert (job.state, job.error_code) == ("failed", "no-space")
    assert place.settled(job)
    assert "c.img" not in place.names(small)
    assert source.name not in place.names(small)
    assert digest(source) == before
    assert domains.get(place.link, str(guest.domain_uuid)).xml.count(source.path) == 1
    free = Pool.objects.get(pk=small.pk).available_bytes
    assert free > SMALL // 2


def test_a_preallocated_volume_that_does_not_fit_is_not_there(place, small):
    Pool.objects.filter(pk=small.pk).update(available_bytes=1 << 40)  # as last seen, long ago
    new = NewVolume("full.img", "raw", 200 * MIB, is_preallocated=True)
    job = place.run(lambda: volumes.create(actor=place.actor, pool_id=small.pk, new=new))
    assert (job.state, job.error_code) == ("failed", "no-space")
    assert place.settled(job)
    assert "full.img" not in place.names(small)


def test_a_pool_that_is_stopped_before_or_during_a_clone(place, monkeypatch):
    pool, other = place.pool("a"), place.pool("b")
    source = place.volume(pool)
    before = fill(source)
    refused: list[str] = []
    progress = jobs.progress

    def stop_it(job: Job, done: int, total: int) -> None:
        try:
            libvirt_pools.stop(place.link, other.name)
        except HypervisorError as error:
            refused.append(error.code)
        progress(job, done, total)

    monkeypatch.setattr(jobs, "progress", stop_it)
    ask = {"actor": place.actor, "volume_id": source.pk, "pool_id": other.pk}
    job = place.run(lambda: volumes.clone(**ask, name="one.qcow2"))
    # libvirt keeps a pool in which it copies; once it is done the pool may go.
    assert refused or job.state == "succeeded"
    monkeypatch.setattr(jobs, "progress", progress)
    libvirt_pools.stop(place.link, other.name)
    Pool.objects.filter(pk=other.pk).update(state="active")  # as last seen, a moment ago
    late = place.run(lambda: volumes.clone(**ask, name="two.qcow2"))
    assert (late.state, late.error_code) == ("failed", "pool-inactive")
    libvirt_pools.start(place.link, other.name)
    assert place.settled(late)
    assert "two.qcow2" not in place.names(other)
    assert digest(source) == before


# disks of guests


def test_a_running_guest_is_told_that_its_disk_grew(place, alice, bob, mallory, virsh):
    pool = place.pool("a")
    volume = place.volume(pool)
    guest = place.guest(alice, volume.path)
    domain = virsh.lookupByUUIDString(str(guest.domain_uuid))
    grow = {"vm_id": guest.pk, "target": "vda", "capacity_bytes": 512 * MIB}
    for user in (bob, mallory):
        with pytest.raises(NotFound):
            disks.grow(actor=Person(user), **grow)
    assert domain.blockInfo("vda")[0] == 256 * MIB
    disks.grow(actor=Person(alice), **grow)
    assert domain.blockInfo("vda")[0] == 512 * MIB
    (disk, _cd) = disks.of_guest(actor=Person(alice), vm_id=guest.pk)
    assert (disk.capacity_bytes, disk.can_grow) == (512 * MIB, True)
    with pytest.raises(Invalid):
        disks.grow(actor=Person(alice), **grow)
    volume.refresh_from_db()
    for wish in ({"capacity_bytes": 128 * MIB, "is_shrink_confirmed": True},):
        with pytest.raises(Refused, match="shrink-needs-off"):
            volumes.resize(actor=place.actor, volume_id=volume.pk, **wish)
    for call in (volumes.wipe, volumes.delete):
        with pytest.raises(Refused, match="volume-needed"):
            call(actor=place.actor, volume_id=volume.pk)
    with pytest.raises(Refused, match="volume-in-motion"):
        volumes.clone(actor=place.actor, volume_id=volume.pk, name="torn.qcow2")


def test_a_disk_that_is_off_moves_with_its_guest(place, alice):
    pool, other = place.pool("a"), place.pool("b")
    volume = place.volume(pool)
    fill(volume, 16 * MIB)
    guest = place.guest(alice, volume.path, is_started=False)
    job = place.run(lambda: volumes.move(actor=place.actor, volume_id=volume.pk, pool_id=other.pk))
    assert (job.state, job.error_code, job.undo) == ("succeeded", "", [])
    assert (place.names(pool), place.names(other)) == ([], [volume.name])
    guest.refresh_from_db()
    assert guest.disk_paths == [f"{other.path}/{volume.name}"]
    domains.power(place.link, str(guest.domain_uuid), Verb.START)


def test_a_disk_moves_under_a_guest_that_runs(place, alice, virsh):
    pool, other = place.pool("a"), place.pool("b")
    volume = place.volume(pool)
    fill(volume, 64 * MIB)
    guest = place.guest(alice, volume.path)
    job = place.run(lambda: volumes.move(actor=place.actor, volume_id=volume.pk, pool_id=other.pk))
    assert (job.state, job.error_code, job.undo) == ("succeeded", "", [])
    assert job.vm_id == guest.pk
    assert (place.names(pool), place.names(other)) == ([], [volume.name])
    domain = virsh.lookupByUUIDString(str(guest.domain_uuid))
    assert domain.isActive()
    for flag in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        assert f"{other.path}/{volume.name}" in domain.XMLDesc(flag)
        assert volume.path not in domain.XMLDesc(flag)


def test_a_live_move_that_is_cancelled_leaves_the_guest_on_its_disk(
    place, alice, virsh, monkeypatch
):
    pool, other = place.pool("a"), place.pool("b")
    volume = place.volume(pool)
    fill(volume, 64 * MIB)
    guest = place.guest(alice, volume.path)

    def stop(job: Job, done: int, total: int) -> None:
        raise jobs.Cancelled

    monkeypatch.setattr(jobs, "progress", stop)
    job = place.run(lambda: volumes.move(actor=place.actor, volume_id=volume.pk, pool_id=other.pk))
    assert job.state == "cancelled"
    assert place.settled(job)
    assert (place.names(pool), place.names(other)) == ([volume.name], [])
    domain = virsh.lookupByUUIDString(str(guest.domain_uuid))
    assert domain.isActive()
    assert not domain.blockJobInfo("vda", 0)
    assert volume.path in domain.XMLDesc(0)


def test_a_live_move_into_a_full_pool_leaves_the_guest_on_its_disk(place, small, alice, virsh):
    pool = place.pool("a")
    volume = packed(place, pool)
    guest = place.guest(alice, volume.path)
    job = place.run(lambda: volumes.move(actor=place.actor, volume_id=volume.pk, pool_id=small.pk))
    assert job.state == "failed"
    assert place.settled(job)
    assert volume.name not in place.names(small)
    domain = virsh.lookupByUUIDString(str(guest.domain_uuid))
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert volume.path in domain.XMLDesc(0)


def test_an_iso_in_a_drive_is_told_and_kept(place, alice):
    pool = place.pool("a")
    volume = place.volume(pool, "cd.img", 4 * MIB)
    guest = place.guest(alice, is_started=False)
    domains.change_media(place.link, str(guest.domain_uuid), path=volume.path)
    standing = uses.now(volume)
    assert [(use.kind, use.id) for use in standing.uses] == [("cd", str(guest.pk))]
    with pytest.raises(Refused, match="volume-needed"):
        volumes.delete(actor=place.actor, volume_id=volume.pk)
