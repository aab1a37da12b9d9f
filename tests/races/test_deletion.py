"""A guest that is deleted twice, or deleted and started, at the same moment: nothing is left half
done.
"""

from __future__ import annotations

import pytest

from tests.races.conftest import at_once, refusals
from vms.hypervisor import domains, storage
from vms.hypervisor.errors import DomainNotFound, HypervisorError
from vms.hypervisor.types import Verb
from vms.models import VM, AuditEntry, Job
from vms.policy import Person, SystemActor
from vms.problems import NotFound, Refused
from vms.services import deletion, hosts, machines, power, usage
from vms.worker import jobs


@pytest.fixture
def guest(template, alice, test_host) -> VM:
    """A guest of alice's that is off, with a disk of its own."""
    request = machines.CreateRequest(template_id=template.pk, name="web", is_started=False)
    vm, job = machines.create(actor=Person(alice), request=request)
    jobs.run(job.pk)
    Job.objects.all().delete()
    AuditEntry.objects.all().delete()
    vm.refresh_from_db()
    return vm


def own_disks(vm: VM) -> tuple[deletion.DeletableDisk, ...]:
    return deletion.own_disks(actor=SystemActor(), vm=vm)


def delete(vm: VM, owner, disks):
    targets = [disk.target for disk in disks]
    return lambda: deletion.delete(actor=Person(owner), vm_id=vm.pk, delete_disks=targets)


def start(vm: VM, owner):
    return lambda: power.perform(actor=Person(owner), vm_id=vm.pk, verb=Verb.START)


def assert_gone(vm: VM, disks) -> None:
    """Nothing of it is there: neither row, domain, nor disks, and its quota is free."""
    host = hosts.connection(vm.host)
    assert not VM.objects.filter(pk=vm.pk).exists()
    with pytest.raises(DomainNotFound):
        domains.get(host, str(vm.domain_uuid))
    assert [storage.find_by_path(host, disk.path) for disk in disks] == [None] * len(disks)
    assert usage.of_person(vm.owner_id) == usage.Amounts()


def test_a_guest_deleted_twice_at_once_has_one_job_and_one_refusal(guest, alice):
    disks = own_disks(guest)
    assert disks
    failed = refusals(at_once(*[delete(guest, alice, disks)] * 3))
    assert [(type(error), error.code) for error in failed] == [(Refused, "job-under-way")] * 2
    (job,) = Job.objects.all()
    assert job.params["volumes"] == [[disk.pool, disk.volume] for disk in disks]
    assert AuditEntry.objects.filter(action="vm.delete", phase="requested").count() == 1
    host = hosts.connection(guest.host)
    assert not domains.get(host, str(guest.domain_uuid)).state.is_active  # untouched till then
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "succeeded"
    assert_gone(guest, disks)


def test_a_guest_deleted_and_started_at_once_ends_up_deleted(guest, alice):
    disks = own_disks(guest)

    def delete_now() -> None:
        jobs.run(delete(guest, alice, disks)().pk)

    results = at_once(delete_now, start(guest, alice))
    assert results[0] is None
    assert isinstance(results[1], power.PowerOutcome | Refused | NotFound | HypervisorError)
    assert Job.objects.get().state == "succeeded"
    assert_gone(guest, disks)


def test_a_start_is_refused_once_the_deletion_is_asked_for(guest, alice):
    delete(guest, alice, ())()
    with pytest.raises(Refused, match="job-under-way"):
        start(guest, alice)()
    assert not domains.get(hosts.connection(guest.host), str(guest.domain_uuid)).state.is_active


def test_a_guest_that_is_started_in_the_middle_of_its_deletion_does_not_run_on(
    guest, alice, monkeypatch
):
    """The start comes between power off and the end of the definition, as from virsh."""
    disks, undefine = own_disks(guest), domains.undefine

    def start_first(host, uuid, **more) -> None:
        domains.power(host, uuid, Verb.START)
        undefine(host, uuid, **more)

    monkeypatch.setattr(domains, "undefine", start_first)
    jobs.run(delete(guest, alice, disks)().pk)
    assert Job.objects.get().state == "succeeded"
    assert_gone(guest, disks)
