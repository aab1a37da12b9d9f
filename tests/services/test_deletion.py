"""Deleting a guest: exactly the chosen disks go, and nothing that others need."""

from __future__ import annotations

import uuid

import pytest

from vms import messages
from vms.hypervisor import domains, storage
from vms.hypervisor.errors import DomainNotFound
from vms.hypervisor.types import Accelerator, DiskSpec, VmMetadata, VmSpec
from vms.models import VM, Job, JobState
from vms.policy import Person
from vms.problems import Invalid, NotFound
from vms.services import deletion, hosts, survey


@pytest.fixture
def delete(django_capture_on_commit_callbacks):
    """Delete through the service and its job."""

    def run(actor, vm, disks=()):
        with django_capture_on_commit_callbacks(execute=True):
            job = deletion.delete(actor=actor, vm_id=vm.pk, delete_disks=frozenset(disks))
        return Job.objects.get(pk=job.pk)

    return run


@pytest.fixture
def vm(make_guest, alice, test_host):
    """A running guest of alice, its volumes seen."""
    guest = make_guest(alice, "web")
    survey.storage_of(test_host)
    return guest


def _volumes(test_host) -> set[str]:
    link = hosts.connection(test_host)
    return {volume.name for volume in storage.list_volumes(link, "default-pool")}


def test_a_guest_just_made_can_be_deleted_with_its_disk(make_guest, alice, test_host, delete):
    guest = make_guest(alice, "web")
    assert delete(Person(alice), guest, {"vda"}).state == JobState.SUCCEEDED
    assert _volumes(test_host) == {"base.qcow2"}


def test_a_running_guest_goes_with_the_chosen_disk(vm, alice, test_host, delete):
    disks = deletion.disks(actor=Person(alice), vm_id=vm.pk)
    assert [(disk.target, disk.can_delete) for disk in disks] == [("vda", True)]
    job = delete(Person(alice), vm, {"vda"})
    assert job.state == JobState.SUCCEEDED
    assert not VM.objects.filter(pk=vm.pk).exists()
    with pytest.raises(DomainNotFound):
        domains.get(hosts.connection(test_host), str(vm.domain_uuid))
    assert _volumes(test_host) == {"base.qcow2"}


def test_a_disk_that_was_not_chosen_stays(vm, alice, test_host, delete):
    assert delete(Person(alice), vm).state == JobState.SUCCEEDED
    assert _volumes(test_host) == {"base.qcow2", f"{vm.pk}.qcow2"}


def test_an_unknown_disk_is_refused_and_nothing_is_done(vm, alice, delete):
    with pytest.raises(Invalid) as caught:
        delete(Person(alice), vm, {"vdz"})
    assert caught.value.fields["disks"].code == "unknown-disk"
    vm.refresh_from_db()
    assert vm.state == "running"
    assert not Job.objects.filter(kind="delete-vm").exists()


def test_a_disk_another_guest_is_based_on_cannot_go(vm, alice, test_host, delete):
    own = storage.find_by_path(hosts.connection(test_host), vm.disk_paths[0])
    storage.create_overlay(
        hosts.connection(test_host),
        pool="default-pool",
        name="child.qcow2",
        backing=own,
        capacity_bytes=1 << 30,
    )
    survey.storage_of(test_host)
    (disk,) = deletion.disks(actor=Person(alice), vm_id=vm.pk)
    assert not disk.can_delete
    assert "child.qcow2" in disk.reason
    with pytest.raises(Invalid):
        delete(Person(alice), vm, {"vda"})


def test_a_disk_that_must_stay_is_refused_with_its_reason(vm, alice, make_guest, delete):
    VM.objects.filter(pk=make_guest(alice, "other").pk).update(disk_paths=vm.disk_paths)
    with pytest.raises(Invalid) as caught:
        delete(Person(alice), vm, {"vda"})
    sentence = messages.sentence(caught.value.fields["disks"])
    assert sentence == "The disk “vda” must stay. The guest “other” uses it too."


def test_a_disk_that_another_guest_took_after_a_crash_stays(vm, alice, make_guest, test_host):
    from vms.services import jobs

    job = deletion.delete(actor=Person(alice), vm_id=vm.pk, delete_disks={"vda"})
    link, uuid = hosts.connection(test_host), str(vm.domain_uuid)
    jobs.made(
        jobs.start(job.pk), "orphan", str(test_host.pk), uuid, "default-pool", f"{vm.pk}.qcow2"
    )
    domains.destroy_if_active(link, uuid)
    domains.undefine(link, uuid)
    VM.objects.filter(pk=make_guest(alice, "heir").pk).update(disk_paths=vm.disk_paths)
    jobs.recover_interrupted()
    assert f"{vm.pk}.qcow2" in _volumes(test_host)


def test_a_disk_that_somebody_else_uses_cannot_go_and_his_guest_is_not_named(
    vm, alice, bob, make_guest
):
    other = make_guest(bob, "secret project")
    VM.objects.filter(pk=other.pk).update(disk_paths=vm.disk_paths)
    (disk,) = deletion.disks(actor=Person(alice), vm_id=vm.pk)
    assert not disk.can_delete
    assert "secret project" not in disk.reason


def test_mallory_deletes_nothing(vm, mallory, delete):
    with pytest.raises(NotFound):
        deletion.disks(actor=Person(mallory), vm_id=vm.pk)
    with pytest.raises(NotFound):
        delete(Person(mallory), vm, {"vda"})


def test_a_crash_after_the_domain_is_gone_still_removes_the_chosen_disk(vm, alice, test_host):
    from vms.services import jobs

    job = deletion.delete(actor=Person(alice), vm_id=vm.pk, delete_disks={"vda"})
    link, uuid = hosts.connection(test_host), str(vm.domain_uuid)
    claimed = jobs.start(job.pk)
    jobs.made(claimed, "orphan", str(test_host.pk), uuid, "default-pool", f"{vm.pk}.qcow2")
    domains.destroy_if_active(link, uuid)
    domains.undefine(link, uuid)
    jobs.recover_interrupted()
    assert _volumes(test_host) == {"base.qcow2"}


def test_a_crash_before_the_domain_is_gone_keeps_its_disk(vm, alice, test_host):
    from vms.services import jobs

    job = deletion.delete(actor=Person(alice), vm_id=vm.pk, delete_disks={"vda"})
    claimed = jobs.start(job.pk)
    uuid = str(vm.domain_uuid)
    jobs.made(claimed, "orphan", str(test_host.pk), uuid, "default-pool", f"{vm.pk}.qcow2")
    jobs.recover_interrupted()
    assert f"{vm.pk}.qcow2" in _volumes(test_host)
    assert domains.get(hosts.connection(test_host), uuid).uuid == uuid


def test_a_disk_that_another_guest_got_behind_our_back_stays(
    alice, make_guest, test_host, django_capture_on_commit_callbacks
):
    guest = make_guest(alice)
    path = guest.disk_paths[0]
    with django_capture_on_commit_callbacks() as callbacks:
        deletion.delete(actor=Person(alice), vm_id=guest.pk, delete_disks={"vda"})
    link = hosts.connection(test_host)
    pk = str(uuid.uuid4())
    spec = VmSpec(pk, "late", 1, 64, Accelerator.TEST, (DiskSpec(path),), (), VmMetadata(), "i686")
    domains.define(link, spec)
    for callback in callbacks:
        callback()
    assert Job.objects.get(kind="delete-vm").state == "succeeded"
    assert storage.find_by_path(link, path) is not None
