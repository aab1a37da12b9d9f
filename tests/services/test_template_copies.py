"""A template of a guest: what is refused, and what becomes of its disks."""

from __future__ import annotations

import pytest

from vms.hypervisor import storage, sysprep
from vms.models import Job, JobState, Template, Volume
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import hosts, survey, template_copies, templates
from vms.services.template_copies import CopyWish

POOL = "default-pool"


@pytest.fixture
def off(make_guest, alice, test_host):
    """A guest of alice that is off, with its disk in the pool."""
    vm = make_guest(alice, "web", is_started=False)
    survey.everything(test_host)
    vm.refresh_from_db()
    return vm


def copy_of(vm, admin, capture, **wish):
    with capture(execute=True):
        job = template_copies.from_guest(
            actor=Person(admin), vm_id=vm.pk, wish=CopyWish(**{"name": "Web's own", **wish})
        )
    job.refresh_from_db()
    return job


def test_the_disks_are_copied_and_the_template_is_of_the_copies(
    off, admin, test_host, django_capture_on_commit_callbacks
):
    job = copy_of(off, admin, django_capture_on_commit_callbacks)
    assert (job.state, job.undo) == (JobState.SUCCEEDED, []), job.error_params
    made = Template.objects.get(name="Web's own")
    assert made.volume_name.startswith("web-s-own-")
    assert templates.status(made).is_valid
    copy = Volume.objects.get(name=made.volume_name)
    assert (copy.backing_path, copy.pool.name) == ("", POOL)
    assert made.plan.memory_mib == off.memory_mib
    names = {volume.name for volume in storage.list_volumes(hosts.connection(test_host), POOL)}
    assert names == {"base.qcow2", f"{off.pk}.qcow2", made.volume_name}


def test_a_cancelled_copy_leaves_neither_template_nor_file(off, admin, test_host, monkeypatch):
    from vms.services import jobs
    from vms.worker import jobs as runner

    job = template_copies.from_guest(
        actor=Person(admin), vm_id=off.pk, wish=CopyWish(name="Web's own")
    )

    def cancelled(*_args, **_kwargs):
        raise jobs.Cancelled

    monkeypatch.setattr(template_copies, "make", cancelled)
    runner.run(job.pk)
    job = Job.objects.get(pk=job.pk)
    assert (job.state, job.undo) == (JobState.CANCELLED, [])
    assert not Template.objects.filter(name="Web's own").exists()
    names = {volume.name for volume in storage.list_volumes(hosts.connection(test_host), POOL)}
    assert names == {"base.qcow2", f"{off.pk}.qcow2"}


def test_a_guest_that_runs_is_not_copied(make_guest, alice, admin, test_host):
    vm = make_guest(alice, "web")
    survey.everything(test_host)
    assert template_copies.preview(actor=Person(admin), vm_id=vm.pk).reason == "must-be-off"
    with pytest.raises(Refused) as caught:
        template_copies.from_guest(actor=Person(admin), vm_id=vm.pk, wish=CopyWish(name="x"))
    assert caught.value.code == "must-be-off"


@pytest.mark.parametrize(
    ("field", "wish", "code"),
    [
        ("name", {"name": "a/b"}, "name-slash"),
        ("name", {"name": "Small one"}, "template-name-used"),
        ("pool", {"pool": "nowhere"}, "pool-not-found"),
        ("is_cleaned", {"is_cleaned": True}, "sysprep-missing"),
    ],
)
def test_each_wrong_field_is_named_and_nothing_is_copied(
    off, admin, field, wish, code, monkeypatch
):
    monkeypatch.setattr(sysprep, "missing", lambda _host: "sysprep-missing")
    with pytest.raises(Invalid) as caught:
        template_copies.from_guest(
            actor=Person(admin), vm_id=off.pk, wish=CopyWish(**{"name": "New", **wish})
        )
    assert caught.value.fields[field].code == code
    assert not Job.objects.filter(kind=template_copies.KIND).exists()


def test_its_owner_may_not_make_a_template_of_it_and_mallory_learns_of_no_guest(
    off, alice, mallory
):
    for person, error in ((alice, Forbidden), (mallory, NotFound)):
        with pytest.raises(error):
            template_copies.from_guest(
                actor=Person(person), vm_id=off.pk, wish=CopyWish(name="Mine")
            )
        with pytest.raises(error):
            template_copies.preview(actor=Person(person), vm_id=off.pk)
