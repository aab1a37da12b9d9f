"""Logical volumes and a network share on a second host, whose kernel and programs are its own.

Reached by SSH, as an administrator's other hosts are. What happens there is asked of its own LVM
and files, not of libvirt.
"""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from tests.real.place import MIB, Place
from tests.support.secondhost import SecondHost, second_host
from tests.support.site import wait_until
from vms.hypervisor import domains, registry, storage
from vms.hypervisor.blueprint import Blueprint, CloudPlan, DiskOrigin, DiskPlan
from vms.hypervisor.errors import HypervisorError, StorageSilent
from vms.hypervisor.hardware import DiskFormat
from vms.hypervisor.storage_types import PoolKind
from vms.models import Host, Job, Pool, Volume
from vms.policy import Person
from vms.problems import Invalid, Refused
from vms.services import deletion, disks, jobs, machines, pools, survey, templates, uploads, volumes
from vms.services.templates import TemplateContent
from vms.services.uploads import UploadRequest
from vms.services.volumes import NewVolume
from vms.worker import listing
from vms.worker.desk import Desk

pytestmark = pytest.mark.timeout(400)  # the first of them starts the host

OLD = "what somebody else left here"
DOUBLINGS = 7
DEVICE_BYTES = MIB << DOUBLINGS


@pytest.fixture(scope="module")
def second() -> Iterator[SecondHost]:
    """The host, with two loop devices full of what somebody else left behind."""
    with second_host() as host:
        host.run(
            f"mkdir /srv/old && cd /srv/old && yes '{OLD}' | head -c 1M > 0;"
            f"for step in $(seq {DOUBLINGS}); do cat 0 0 > 1; mv 1 0; done; cp 0 1;"
            "for device in 0 1; do losetup /dev/loop$device $device;"
            " head -c 1M /dev/zero > /dev/loop$device; done"
        )
        yield host


@pytest.fixture(scope="module")
def volume_group(second) -> str:
    """A volume group on the second of the devices, and the name of its pool."""
    second.run(
        "vgcreate -q shared /dev/loop1;"
        "virsh pool-define-as shared logical --source-name shared --target /dev/shared;"
        "virsh pool-start shared"
    )
    return "shared"


@pytest.fixture
def there(second, admin, real_prefix, django_capture_on_commit_callbacks) -> Iterator[Place]:
    """The second host as a row, with short ways to ask for things; all of it goes."""
    prefix = f"{real_prefix}{uuid.uuid4().hex[:4]}-"
    row = Host.objects.create(name=prefix, uri=second.uri)
    survey.facts(row, timeout_s=60)
    yield Place(row, admin, prefix, django_capture_on_commit_callbacks)
    registry.forget(str(row.pk))
    second.run(
        "for vm in $(virsh list --all --uuid); do virsh destroy $vm; virsh undefine $vm; done;"
        "for pool in $(virsh pool-list --all --name | grep kvmwebtest); do"
        " virsh pool-destroy $pool; virsh pool-undefine $pool; done;"
        "if lvs --noheadings shared | grep .; then lvremove -ff -y shared;"
        " virsh pool-refresh shared; fi; rm -rf /var/lib/libvirt/kvmweb-test; true"
    )


@pytest.fixture
def group(there, volume_group) -> Pool:
    """The pool of logical volumes, empty."""
    survey.storage_of(there.row)
    return Pool.objects.get(host=there.row, name=volume_group)


def made(place: Place, pool: Pool, name: str, size: int = 16 * MIB) -> Volume:
    job = place.run(
        lambda: volumes.create(actor=place.actor, pool_id=pool.pk, new=NewVolume(name, "raw", size))
    )
    assert (job.state, job.error_code) == ("succeeded", ""), job.error_params
    return Volume.objects.get(pool=pool, name=name)


def is_blank(second: SecondHost, path: str) -> bool:
    return second.run(f"tr -d '\\000' < {path} | head -c 1 | wc -c").strip() == "0"


def digest(second: SecondHost, path: str, size: int) -> str:
    return second.run(f"head -c {size} {path} | sha256sum").split()[0]


def volumes_there(second: SecondHost) -> set[str]:
    return set(second.run("lvs --noheadings -o name shared").split())


# logical volumes


def test_a_volume_group_is_made_on_a_device_shown_and_removed(there, second):
    group = there.pool(
        "lvm", kind=PoolKind.LOGICAL, group="own", device="/dev/loop0", is_formatted=True, path=""
    )
    assert (group.kind, group.state, group.path) == ("logical", "active", "/dev/own")
    assert 0 < group.capacity_bytes <= DEVICE_BYTES
    assert volumes.formats(group) == ("raw",)
    volume = made(there, group, "disk")
    # All of its space is its own, and nothing of what was there before is in it.
    told = second.run("lvs --noheadings --units b --nosuffix -o layout,size own/disk").split()
    assert told == ["linear", str(16 * MIB)]
    assert volume.allocation_bytes == volume.capacity_bytes == 16 * MIB
    assert is_blank(second, "/dev/own/disk")
    second.run("dd if=/dev/urandom of=/dev/own/disk bs=1M count=16 oflag=direct status=none")
    job = there.run(lambda: pools.delete_with_data(actor=there.actor, pool_id=group.pk))
    assert (job.state, job.error_code) == ("succeeded", "")
    assert second.run("vgs own 2>&1 || true").count("not found") == 1


def test_a_logical_volume_is_cloned_wiped_and_brought_elsewhere(there, second, group):
    source = made(there, group, "one", 8 * MIB)
    second.run("dd if=/dev/urandom of=/dev/shared/one bs=1M count=8 oflag=direct status=none")
    before = digest(second, "/dev/shared/one", 8 * MIB)
    folder = there.pool("dir")
    job = there.run(
        lambda: volumes.clone(
            actor=there.actor,
            volume_id=source.pk,
            name="two.qcow2",
            pool_id=folder.pk,
            format="qcow2",
        )
    )
    assert (job.state, job.error_code) == ("succeeded", ""), job.error_params
    # Back from a file, which is shorter than the piece that it becomes: behind it is nothing.
    file = Volume.objects.get(pool=folder)
    job = there.run(lambda: volumes.move(actor=there.actor, volume_id=file.pk, pool_id=group.pk))
    assert (job.state, job.error_code) == ("succeeded", ""), job.error_params
    assert there.names(folder) == []
    assert digest(second, "/dev/shared/two.qcow2", 8 * MIB) == before
    job = there.run(lambda: volumes.wipe(actor=there.actor, volume_id=source.pk))
    assert (job.state, job.bytes_done) == ("succeeded", job.bytes_total)
    assert is_blank(second, "/dev/shared/one")
    volumes.delete(actor=there.actor, volume_id=source.pk)
    assert volumes_there(second) == {"two.qcow2"}


def test_a_group_that_is_full_and_a_wait_that_is_cancelled_leave_nothing(
    there, second, group, monkeypatch
):
    Pool.objects.filter(pk=group.pk).update(available_bytes=1 << 40)  # as last seen, long ago
    new = NewVolume("large", "raw", 2 * DEVICE_BYTES)
    job = there.run(lambda: volumes.create(actor=there.actor, pool_id=group.pk, new=new))
    assert (job.state, job.error_code) == ("failed", "no-space")
    assert there.settled(job)

    def stop(job: Job, done: int, total: int) -> None:
        raise jobs.Cancelled

    monkeypatch.setattr(jobs, "progress", stop)
    new = NewVolume("never", "raw", 16 * MIB)
    job = there.run(lambda: volumes.create(actor=there.actor, pool_id=group.pk, new=new))
    assert job.state == "cancelled"
    wait_until(lambda: there.settled(job), limit_s=30, what="the volume is let go of")
    assert volumes_there(second) == set()


def test_what_lvm_cannot_take_is_said_before(there, group):
    for name in ("Wärter", "two words", "-x"):
        with pytest.raises(Invalid) as caught:
            volumes.create(actor=there.actor, pool_id=group.pk, new=NewVolume(name, "raw", 8 * MIB))
        assert caught.value.fields["name"].code == "logical-name-rule"
    with pytest.raises(Invalid) as caught:
        volumes.create(actor=there.actor, pool_id=group.pk, new=NewVolume("x", "qcow2", 8 * MIB))
    assert caught.value.fields["format"].code == "volume-format"


def test_a_guest_runs_from_a_logical_volume_that_is_grown_by_hand_and_moved(
    there, second, group, alice
):
    volume = made(there, group, "disk")
    guest = there.guest(alice, volume.path)
    (disk, _cd) = disks.of_guest(actor=there.actor, vm_id=guest.pk)
    assert (disk.capacity_bytes, disk.can_grow) == (16 * MIB, False)
    with pytest.raises(Refused, match="disk-stays"):
        disks.grow(actor=Person(alice), vm_id=guest.pk, target="vda", capacity_bytes=32 * MIB)
    with pytest.raises(Refused, match="lvm-resized-by-hand"):
        volumes.resize(actor=there.actor, volume_id=volume.pk, capacity_bytes=32 * MIB)
    second.run("lvextend -q -L 32M shared/disk")
    pools.refresh(actor=there.actor, pool_id=group.pk)
    told = volumes.resize(actor=there.actor, volume_id=volume.pk, capacity_bytes=32 * MIB)
    assert told.capacity_bytes == 32 * MIB
    seen = second.run(f"virsh domblkinfo {guest.domain_uuid} vda")
    assert str(32 * MIB) in seen

    folder = there.pool("dir")
    job = there.run(lambda: volumes.move(actor=there.actor, volume_id=volume.pk, pool_id=folder.pk))
    assert (job.state, job.error_code) == ("succeeded", ""), job.error_params
    assert volumes_there(second) == set()
    xml = domains.get(there.link, str(guest.domain_uuid)).xml
    assert f"{folder.path}/disk" in xml
    assert "/dev/shared" not in xml


def test_a_guest_of_a_template_gets_its_disks_and_seed_in_the_group(
    there, second, group, admin, django_capture_on_commit_callbacks
):
    folder = there.pool("dir")
    image = there.volume(folder, "image.qcow2", 8 * MIB)
    parts = (
        DiskPlan(DiskOrigin.COPY, 12 * MIB, pool=group.name, format=DiskFormat.RAW),
        DiskPlan(DiskOrigin.BLANK, 8 * MIB, pool=group.name, format=DiskFormat.RAW),
    )
    plan = Blueprint(memory_mib=64, disks=parts, cloud=CloudPlan(user="tiny"))
    template = templates.make(
        actor=there.actor, content=TemplateContent("On LVM", plan), image_id=image.pk
    )
    wanted = machines.CreateRequest(
        template_id=template.pk, name=f"{there.prefix}Wärter 1", user="tiny", is_started=False
    )
    with django_capture_on_commit_callbacks(execute=True):
        vm, job = machines.create(actor=there.actor, request=wanted)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("succeeded", ""), job.error_params
    own = str(vm.domain_uuid)
    names = {f"{own}.raw", f"{own}-1.raw", f"{own}-seed.iso"}
    assert volumes_there(second) == names
    for name in (f"{own}.raw", f"{own}-1.raw"):
        assert is_blank(second, f"/dev/shared/{name}")
    xml = domains.get(there.link, own).xml
    assert xml.count("type='block' device=") == 3
    assert "local-hostname" in second.run(f"cat /dev/shared/{own}-seed.iso")
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(actor=there.actor, vm_id=vm.pk, delete_disks=("vda", "vdb"))
    assert volumes_there(second) == set()


def test_an_image_becomes_raw_in_the_group_under_a_name_that_lvm_takes(
    there, second, group, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"home": tmp_path})
    path = tmp_path / "made"
    write = ["qemu-io", "-f", "qcow2", "-c", "write -P 65 4M 1M", str(path)]
    for command in (["qemu-img", "create", "-f", "qcow2", str(path), "6M"], write):
        subprocess.run(command, check=True, capture_output=True)
    size = path.stat().st_size
    wanted = UploadRequest("Wärter eins.qcow2", size_bytes=size, pool_id=str(group.pk))
    state = uploads.begin(actor=there.actor, request=wanted)
    path.rename(state.path)
    with django_capture_on_commit_callbacks(execute=True):
        job = uploads.complete(actor=there.actor, upload_id=state.id)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("succeeded", ""), job.error_params
    (volume,) = Volume.objects.filter(pool=group)
    assert (volume.name, volume.format) == ("Warter-eins.raw", "raw")
    held = "cmp -n 4M {0} /dev/zero && head -c 5M {0} | tail -c 1M | tr -d A | wc -c"
    assert second.run(held.format(volume.path)).strip() == "0"
    assert (
        second.run(f"tail -c +{(5 << 20) + 1} {volume.path} | tr -d '\\000' | wc -c").strip() == "0"
    )


# a network share


@pytest.fixture
def share(there, second) -> Iterator[Pool]:
    """A pool on a folder that the host's own NFS server shares."""
    second.run(
        "mkdir -p /srv/share && systemctl start nfs-server &&"
        "echo '/srv/share 127.0.0.1(rw,no_root_squash,insecure,fsid=7)' > /etc/exports;"
        "exportfs -a"
    )
    yield there.pool(
        "nfs", kind=PoolKind.NETFS, server="127.0.0.1", export="/srv/share", path="/mnt/share"
    )
    second.run(
        "systemctl start nfs-server; umount -f /mnt/share;"
        "rm -rf /etc/exports /srv/share; exportfs -ra; true"
    )


def test_a_share_is_mounted_used_and_given_back_with_what_is_on_it(there, second, share, alice):
    assert (share.kind, share.state) == ("netfs", "active")
    assert "nfs" in second.run("findmnt -n -o fstype /mnt/share")
    volume = there.volume(share, "disk.qcow2", 8 * MIB)
    assert second.run("ls /srv/share").split() == ["disk.qcow2"]
    assert (
        volumes.resize(
            actor=there.actor, volume_id=volume.pk, capacity_bytes=16 * MIB
        ).capacity_bytes
        == 16 * MIB
    )
    guest = there.guest(alice, volume.path, is_started=False)
    with pytest.raises(Refused, match="volume-needed"):
        volumes.delete(actor=there.actor, volume_id=volume.pk)
    assert guest.disk_paths == ["/mnt/share/disk.qcow2"]
    pools.stop(actor=there.actor, pool_id=share.pk)
    assert second.run("findmnt -n /mnt/share || echo gone").strip() == "gone"
    pools.start(actor=there.actor, pool_id=share.pk)
    pools.forget(actor=there.actor, pool_id=share.pk)
    assert not Pool.objects.filter(pk=share.pk).exists()
    assert second.run("ls /srv/share").split() == ["disk.qcow2"]


def test_a_share_that_is_not_there_is_refused_and_not_kept(there, second, share):
    with pytest.raises(HypervisorError) as caught:
        there.pool(
            "none", kind=PoolKind.NETFS, server="127.0.0.1", export="/srv/none", path="/mnt/none"
        )
    assert caught.value.code == "operation-failed"
    assert "/srv/none" in str(caught.value.params)
    assert "none" not in second.run("virsh pool-list --all --name")


def test_a_server_that_goes_away_takes_its_pool_alone_and_comes_back(
    there, second, share, monkeypatch
):
    """Neither the host nor the other pools are gone, and no calls pile up behind the one."""
    monkeypatch.setattr(storage, "list_volumes", partial(storage.list_volumes, timeout_s=8))
    desk = Desk(there.row)
    folder = there.pool("dir")
    base, _lost = there.volume(folder, "base.qcow2", 8 * MIB), there.volume(share, "x.qcow2", MIB)
    second.run("systemctl stop nfs-server")

    listing.everything(desk, refresh=True)
    there.row.refresh_from_db()
    assert there.row.status == "connected"
    states = dict(Pool.objects.values_list("name", "state"))
    assert (states[share.name], states[folder.name]) == ("inaccessible", "active")
    assert Volume.objects.filter(pool=share).exists()
    began = time.monotonic()
    listing.everything(desk, refresh=True)
    assert time.monotonic() - began < 8
    assert there.link.stuck_threads == 1

    # Guests can be made elsewhere; what has to ask every pool says at once why it cannot.
    there.volume(folder, "other.qcow2", 8 * MIB)
    info = storage.get_volume(there.link, pool=folder.name, name=base.name)
    storage.create_overlay(
        there.link, pool=folder.name, name="o.qcow2", backing=info, capacity_bytes=8 * MIB
    )
    with pytest.raises(StorageSilent):
        volumes.delete(actor=there.actor, volume_id=base.pk)
    share.refresh_from_db()
    with pytest.raises(Refused, match="pool-silent"):
        volumes.create(actor=there.actor, pool_id=share.pk, new=NewVolume("y", "raw", MIB))

    second.run("systemctl start nfs-server")
    wait_until(lambda: not there.link.stuck_threads, limit_s=120, what="the share is back")
    listing.everything(desk, refresh=True)
    share.refresh_from_db()
    assert share.state == "active"
    assert there.names(share) == ["x.qcow2"]
