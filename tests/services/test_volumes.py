"""Volumes through the service, on the test driver: fields, rights, uses, making and cloning.

Resizing, wiping and moving need QEMU: tests/real/test_storage_real.py.
"""

from __future__ import annotations

import pytest

import vms.worker.jobs  # noqa: F401 - registers the runner
from vms.hypervisor import storage
from vms.models import AuditEntry, Job, Pool, Template, Volume
from vms.policy import Person
from vms.problems import Invalid, NotFound, Refused
from vms.services import hosts, jobs, survey, uses, volumes
from vms.services.volumes import NewVolume

GIB = 1 << 30


@pytest.fixture
def pool(test_host) -> Pool:
    return Pool.objects.get(host=test_host, name="default-pool")


@pytest.fixture
def create(admin, pool, django_capture_on_commit_callbacks):
    """Ask for a volume and let its job run."""

    def run(name="new.qcow2", size=GIB, format="qcow2", **more) -> Job:
        new = NewVolume(name, format, size, **more)
        with django_capture_on_commit_callbacks(execute=True):
            job = volumes.create(actor=Person(admin), pool_id=pool.pk, new=new)
        job.refresh_from_db()
        return job

    return run


def test_a_volume_is_made_by_a_job_and_known_at_once(create, pool):
    job = create()
    assert (job.state, job.target_kind, job.target_name) == (
        "succeeded",
        "volume",
        "default-pool/new.qcow2",
    )
    assert Volume.objects.get(pool=pool, name="new.qcow2").capacity_bytes == GIB
    assert AuditEntry.objects.filter(action="volume.create", phase="succeeded").exists()


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "../evil"}, "name", "name-slash"),
        ({"name": ".."}, "name", "name-dots"),
        ({"size": 0}, "capacity_bytes", "too-small"),
        ({"size": 1 << 60}, "capacity_bytes", "too-large"),
        ({"format": "vmdk"}, "format", "volume-format"),
        ({"size": 1 << 57, "is_preallocated": True}, "capacity_bytes", "disk-over-pool"),
    ],
)
def test_each_field_that_is_wrong_says_why(create, more, field, code):
    with pytest.raises(Invalid) as caught:
        create(**more)
    assert {name: problem.code for name, problem in caught.value.fields.items()} == {field: code}
    assert not Job.objects.exists()


def test_a_name_that_is_taken_is_refused_and_what_has_it_stays(create, image, pool, test_host):
    with pytest.raises(Invalid):
        create(name=image.name)
    Volume.objects.filter(pk=image.pk).delete()  # not seen yet: made by hand a moment ago
    job = create(name=image.name)
    assert (job.state, job.error_code, job.undo) == ("failed", "volume-exists", [])
    survey.storage_of(test_host)
    assert Volume.objects.filter(pool=pool, name=image.name).exists()


def test_a_device_pool_takes_raw_volumes_only(pool):
    assert volumes.formats(pool) == ("qcow2", "raw")
    pool.kind = "logical"
    assert volumes.formats(pool) == ("raw",)


def test_strangers_touch_no_volume(alice, mallory, image, pool):
    new = NewVolume("x", "qcow2", GIB)
    for user in (alice, mallory):
        actor = Person(user)
        with pytest.raises(NotFound):
            volumes.create(actor=actor, pool_id=pool.pk, new=new)
        for call in (volumes.wipe, volumes.delete):
            with pytest.raises(NotFound):
                call(actor=actor, volume_id=image.pk)
        with pytest.raises(NotFound):
            volumes.clone(actor=actor, volume_id=image.pk, name="x")
        with pytest.raises(NotFound):
            volumes.resize(actor=actor, volume_id=image.pk, capacity_bytes=2 * GIB)
        with pytest.raises(NotFound):
            volumes.move(actor=actor, volume_id=image.pk, pool_id=pool.pk)
    assert Volume.objects.filter(pk=image.pk).exists()


def test_an_iso_that_users_may_insert_is_theirs_to_see_and_not_to_manage(alice, image):
    iso = Volume.objects.create(pool=image.pool, name="a.iso", path="/a.iso", format="iso")
    with pytest.raises(NotFound):
        volumes.delete(actor=Person(alice), volume_id=iso.pk)


def test_a_clone_is_made_and_cancelled_before_it_began_leaves_nothing(
    admin, image, pool, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        job = volumes.clone(actor=Person(admin), volume_id=image.pk, name="copy.qcow2")
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("succeeded", "")
    assert Volume.objects.get(pool=pool, name="copy.qcow2").capacity_bytes == image.capacity_bytes
    waiting = volumes.clone(actor=Person(admin), volume_id=image.pk, name="never.qcow2")
    jobs.cancel(actor=Person(admin), job_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.undo) == ("cancelled", [])


def test_two_jobs_about_one_volume_do_not_meet(admin, image):
    volumes.clone(actor=Person(admin), volume_id=image.pk, name="one.qcow2")
    with pytest.raises(Refused, match="job-on-target"):
        volumes.clone(actor=Person(admin), volume_id=image.pk, name="two.qcow2")
    with pytest.raises(Refused, match="job-on-target"):
        volumes.delete(actor=Person(admin), volume_id=image.pk)


def test_a_failed_clone_is_asked_for_again_with_the_same_wishes(admin, image):
    job = volumes.clone(actor=Person(admin), volume_id=image.pk, name="one.qcow2")
    Job.objects.update(state="interrupted")
    again = jobs.repeat(actor=Person(admin), job_id=job.pk)
    again.refresh_from_db()
    assert (again.kind, again.params, again.target_id) == (job.kind, job.params, image.pk)


def test_what_a_template_is_made_from_is_neither_deleted_nor_wiped_nor_moved(
    admin, template, pool, image
):
    actor = Person(admin)
    for call in (volumes.delete, volumes.wipe):
        with pytest.raises(Refused) as caught:
            call(actor=actor, volume_id=image.pk)
        assert caught.value.code == "volume-needed"
        assert template.name in str(caught.value.params["by"])
    other = Pool.objects.create(
        host=pool.host, pool_uuid="00000000-0000-4000-8000-000000000001", name="o", state="active"
    )
    with pytest.raises(Refused):
        volumes.move(actor=actor, volume_id=image.pk, pool_id=other.pk)
    shown = uses.by_volume(pool.host, [image])[image.pk]
    assert [(use.kind, use.name) for use in shown] == [("template", template.name)]


def test_what_the_host_says_counts_not_what_was_last_seen(admin, alice, make_guest, image, pool):
    guest = make_guest(alice)
    Template.objects.all().delete()
    guest.refresh_from_db()
    disk = Volume.objects.get(pool=pool, path=guest.disk_paths[0])
    shown = uses.by_volume(pool.host, [image, disk])
    assert [use.kind for use in shown[image.pk]] == ["below"]
    assert [(use.kind, use.name) for use in shown[disk.pk]] == [("disk", guest.name)]
    guest.disk_paths = []
    guest.save()
    Volume.objects.update(backing_path="")
    assert not uses.by_volume(pool.host, [image])[image.pk]
    for row in (image, disk):
        with pytest.raises(Refused, match="volume-needed"):
            volumes.delete(actor=Person(admin), volume_id=row.pk)


def test_an_overlay_in_a_stopped_pool_still_counts(admin, image, pool):
    stopped = Pool.objects.create(
        host=pool.host, pool_uuid="00000000-0000-4000-8000-000000000001", name="stopped"
    )
    Volume.objects.create(pool=stopped, name="top", path="/stopped/top", backing_path=image.path)
    with pytest.raises(Refused) as caught:
        volumes.delete(actor=Person(admin), volume_id=image.pk)
    assert "top" in str(caught.value.params["by"])


def test_a_volume_that_nothing_needs_is_deleted(admin, image, pool):
    volumes.delete(actor=Person(admin), volume_id=image.pk)
    assert not Volume.objects.filter(pk=image.pk).exists()
    names = [one.name for one in storage.list_volumes(hosts.connection(pool.host), pool.name)]
    assert image.name not in names


def test_nothing_is_done_in_a_pool_that_is_stopped(admin, image, pool):
    Pool.objects.update(state="inactive")
    with pytest.raises(Refused, match="pool-inactive"):
        volumes.wipe(actor=Person(admin), volume_id=image.pk)


def test_shrinking_needs_a_word_of_consent(admin, image):
    with pytest.raises(Invalid) as caught:
        volumes.resize(actor=Person(admin), volume_id=image.pk, capacity_bytes=GIB // 2)
    assert list(caught.value.fields) == ["is_shrink_confirmed"]
