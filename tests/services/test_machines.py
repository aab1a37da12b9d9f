"""Asking for a guest: every field, limits, names, and what is left when it fails."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError

from tests.support.altering import alter_templates
from vms.hypervisor import domains, storage
from vms.hypervisor.errors import DomainNotFound, InvalidConfig
from vms.models import VM, CloudInit, Job, JobState
from vms.policy import Person
from vms.problems import Invalid, Problem
from vms.services import hosts, jobs, machines, survey, templates

GIB = 1 << 30
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me"


def test_a_user_makes_a_guest_that_runs_and_is_his(make_guest, alice):
    vm = make_guest(alice, "web")
    assert (vm.owner, vm.state, vm.is_creating) == (alice, "running", False)
    assert vm.libvirt_name == "web"
    assert str(vm.pk) == str(vm.domain_uuid)
    assert Job.objects.get(vm=vm).state == JobState.SUCCEEDED


def test_the_domain_says_whose_it_is(make_guest, alice, test_host):
    from vms.hypervisor.xml.parse import parse_domain

    vm = make_guest(alice, "web")
    record = domains.get(hosts.connection(test_host), str(vm.domain_uuid))
    metadata = parse_domain(record.xml).metadata
    assert (metadata.name, metadata.owner, metadata.template) == ("web", "alice", "Small one")


def test_a_guest_may_be_made_without_starting_it(make_guest, alice):
    assert make_guest(alice, "web", is_started=False).state == "off"


def test_two_owners_may_use_the_same_name(make_guest, alice, bob):
    first, second = make_guest(alice, "web"), make_guest(bob, "web")
    assert (first.name, second.name) == ("web", "web")
    assert (first.libvirt_name, second.libvirt_name) == ("web", "web-2")


def test_unnamed_guests_get_distinct_names(make_guest, alice):
    assert {make_guest(alice).name for _ in range(3)} == {
        "small-one-1",
        "small-one-2",
        "small-one-3",
    }


def test_an_unnamed_guest_whose_proposed_name_was_just_taken_gets_the_next(
    make_guest, alice, monkeypatch
):
    make_guest(alice, "small-one-1")
    proposals = iter(["small-one-1", "small-one-2"])
    monkeypatch.setattr(machines, "propose_name", lambda **_: next(proposals))
    assert make_guest(alice).name == "small-one-2"


@pytest.mark.parametrize(
    ("field", "values", "code"),
    [
        ("name", {"name": "a/b"}, "name-slash"),
        ("vcpus", {"vcpus": 0}, "too-small"),
        ("vcpus", {"vcpus": 10_000}, "vcpus-over-host"),
        ("memory_mib", {"memory_mib": 1}, "too-small"),
        ("memory_mib", {"memory_mib": 1 << 40}, "memory-over-host"),
        ("disk_bytes", {"disk_bytes": 1}, "disk-under-image"),
        ("disk_bytes", {"disk_bytes": 0}, "disk-under-image"),
        ("disk_bytes", {"disk_bytes": 1 << 60}, "disk-over-pool"),
        ("user", {"user": "x"}, "no-cloud-init"),
        ("description", {"description": "a\x00b"}, "text-control"),
    ],
)
def test_each_wrong_field_is_named_and_nothing_is_made(template, alice, field, values, code):
    request = machines.CreateRequest(template_id=template.pk, **values)
    with pytest.raises(Invalid) as caught:
        machines.create(actor=Person(alice), request=request)
    assert caught.value.fields[field].code == code
    assert not VM.objects.filter(owner=alice).exists()
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("field", "values", "code"),
    [
        ("user", {"user": "Root User"}, "user-rule"),
        ("user", {"user": "root"}, "user-reserved"),
        ("user", {"password": "long enough"}, "user-needed"),
        ("password", {"user": "me", "password": "short"}, "password-too-short"),
        ("password", {"user": "me", "password": "with\nbreak"}, "password-control"),
        ("ssh_keys", {"user": "me", "ssh_keys": (KEY, "nonsense")}, "ssh-key-rule"),
    ],
)
def test_each_wrong_cloud_init_field_is_named(template, alice, field, values, code):
    alter_templates(has_cloud_init=True)
    request = machines.CreateRequest(template_id=template.pk, **values)
    with pytest.raises(Invalid) as caught:
        machines.create(actor=Person(alice), request=request)
    assert caught.value.fields[field].code == code


def test_several_wrong_fields_are_told_together(template, alice):
    request = machines.CreateRequest(template_id=template.pk, name="..", vcpus=0, memory_mib=0)
    with pytest.raises(Invalid) as caught:
        machines.create(actor=Person(alice), request=request)
    assert set(caught.value.fields) == {"name", "vcpus", "memory_mib"}


def test_a_name_already_used_is_refused_at_its_field(make_guest, template, alice):
    make_guest(alice, "web")
    with pytest.raises(Invalid) as caught:
        machines.create(
            actor=Person(alice),
            request=machines.CreateRequest(template_id=template.pk, name="web"),
        )
    assert caught.value.fields["name"].code == "name-used"


def test_a_template_whose_image_vanished_is_refused_with_the_reason(
    template, make_guest, alice, test_host
):
    storage.delete_volume(hosts.connection(test_host), pool="default-pool", name="base.qcow2")
    survey.storage_of(test_host)
    template.refresh_from_db()
    assert templates.status(template).code == "image-gone"
    with pytest.raises(Invalid) as caught:
        make_guest(alice, "web")
    assert "base.qcow2" in str(caught.value.fields["template"].params["reason"])


def test_an_image_that_vanished_unseen_fails_the_job_and_leaves_nothing(
    template, make_guest, alice, test_host
):
    storage.delete_volume(hosts.connection(test_host), pool="default-pool", name="base.qcow2")
    with pytest.raises(VM.DoesNotExist):
        make_guest(alice, "web")
    job = Job.objects.get()
    assert (job.state, job.error_code) == (JobState.FAILED, "volume-not-found")
    assert job.undo == []


def test_when_define_fails_the_disk_is_removed_and_the_name_is_free_again(
    template, make_guest, alice, test_host
):
    link = hosts.connection(test_host)
    record = domains.list_all(link)[0]

    def same_uuid_as_another(_work, name, disks, medium):
        """A definition that libvirt itself refuses: the UUID of a domain of another name."""
        from dataclasses import replace

        return replace(real_spec(_work, name, disks, medium), uuid=record.uuid)

    from vms.services import creation

    real_spec = creation._spec
    monkey = pytest.MonkeyPatch()
    monkey.setattr(creation, "_spec", same_uuid_as_another)
    try:
        with pytest.raises(VM.DoesNotExist):
            make_guest(alice, "web")
    finally:
        monkey.undo()
    job = Job.objects.get()
    assert job.state == JobState.FAILED
    assert job.undo == []
    names = [volume.name for volume in storage.list_volumes(link, "default-pool")]
    assert names == ["base.qcow2"]
    assert domains.get(link, record.uuid).name == record.name
    assert make_guest(alice, "web").state == "running"


def test_a_cancelled_creation_leaves_nothing(template, alice, test_host):
    actor = Person(alice)
    request = machines.CreateRequest(template_id=template.pk, name="web")
    vm, job = machines.create(actor=actor, request=request)
    jobs.cancel(actor=actor, job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not VM.objects.filter(pk=vm.pk).exists()
    with pytest.raises(DomainNotFound):
        domains.get(hosts.connection(test_host), str(vm.domain_uuid))


def test_a_guest_has_one_job_at_a_time(template, alice):
    actor = Person(alice)
    vm, job = machines.create(actor=actor, request=machines.CreateRequest(template_id=template.pk))
    with pytest.raises(IntegrityError):
        Job.objects.create(kind=job.kind, vm=vm)


def test_after_a_crash_a_running_creation_is_interrupted_and_cleaned(template, alice, test_host):
    actor = Person(alice)
    vm, job = machines.create(actor=actor, request=machines.CreateRequest(template_id=template.pk))
    claimed = jobs.start(job.pk)
    jobs.made(claimed, "volume", str(test_host.pk), "default-pool", "half.qcow2")
    link = hosts.connection(test_host)
    storage.create_volume(
        link, pool="default-pool", name="half.qcow2", format="qcow2", capacity_bytes=1 << 20
    )
    jobs.recover_interrupted()
    job.refresh_from_db()
    assert (job.state, job.undo) == (JobState.INTERRUPTED, [])
    assert not VM.objects.filter(pk=vm.pk).exists()
    assert [v.name for v in storage.list_volumes(link, "default-pool")] == ["base.qcow2"]


def test_no_clear_password_is_in_the_database_and_its_hash_goes_with_the_guest(template, alice):
    alter_templates(has_cloud_init=True)
    actor = Person(alice)
    request = machines.CreateRequest(template_id=template.pk, user="me", password="correct horse")
    vm, job = machines.create(actor=actor, request=request)
    assert CloudInit.objects.get(vm=vm).password_hash.startswith("$6$")
    assert "correct horse" not in repr(request)
    assert "correct horse" not in everything_in_the_database()
    jobs.cancel(actor=actor, job_id=job.pk)
    assert not CloudInit.objects.exists()
    assert "$6$" not in everything_in_the_database()


def everything_in_the_database() -> str:
    return str([list(model.objects.values()) for model in apps.get_models()])


def test_an_error_of_our_own_is_told_without_its_words(template, alice):
    actor = Person(alice)
    _vm, job = machines.create(actor=actor, request=machines.CreateRequest(template_id=template.pk))
    jobs.start(job.pk)
    jobs.finish(job.pk, RuntimeError("secret path /etc/x"))
    job.refresh_from_db()
    assert (job.error_code, job.error_params) == ("internal", {})


def test_libvirts_own_words_are_kept_where_it_refused(template, alice):
    actor = Person(alice)
    _vm, job = machines.create(actor=actor, request=machines.CreateRequest(template_id=template.pk))
    jobs.start(job.pk)
    jobs.finish(job.pk, InvalidConfig(detail="no such machine"))
    job.refresh_from_db()
    assert job.error_params == {"detail": "no such machine"}


def test_a_deactivated_person_makes_nothing(template, alice):
    alice.is_active = False
    with pytest.raises(Problem):
        machines.create(
            actor=Person(alice), request=machines.CreateRequest(template_id=template.pk)
        )


def test_line_ends_of_a_description_become_those_of_xml(make_guest, alice):
    assert make_guest(alice, "web", description="a\r\nb").description == "a\nb"


def test_an_image_that_guests_are_based_on_can_be_used_by_a_second_template(
    make_guest, alice, admin, image, test_host
):
    make_guest(alice, "web")
    survey.everything(test_host)
    defaults = templates.TemplateDefaults(name="Another", memory_mib=64, has_cloud_init=False)
    made = templates.create(actor=Person(admin), image_id=image.pk, defaults=defaults)
    assert templates.status(made).is_valid


def test_the_disk_of_a_guest_cannot_become_a_template(make_guest, alice, admin, test_host):
    from vms.models import Volume

    vm = make_guest(alice, "web")
    survey.storage_of(test_host)
    disk = Volume.objects.get(name=f"{vm.pk}.qcow2")
    defaults = templates.TemplateDefaults(name="Another", memory_mib=64)
    with pytest.raises(Invalid) as caught:
        templates.create(actor=Person(admin), image_id=disk.pk, defaults=defaults)
    assert set(caught.value.fields) == {"image"}
