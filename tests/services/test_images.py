"""Images: what is one, who uses it, and what may be deleted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from vms.hypervisor import storage
from vms.hypervisor.errors import VolumeNotFound
from vms.models import AuditEntry, ImageOrigin, Job, Volume
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import hosts, images, templates
from vms.services.uses import UseKind


def names(actor) -> list[str]:
    return [each.volume.name for each in images.listing(actor=Person(actor))]


def volume(image, name: str, **more) -> Volume:
    values = {"path": f"/pool/{name}", "format": "qcow2", **more}
    return Volume.objects.create(pool=image.pool, name=name, **values)


def test_an_image_is_used_by_templates_and_by_guests_through_their_disks(
    admin, alice, template, make_guest
):
    guest = make_guest(alice, "web")
    found = images.get(actor=Person(admin), image_id=template.image_id)
    assert {(use.kind, use.name) for use in found.uses} == {
        (UseKind.TEMPLATE, template.name),
        (UseKind.BELOW, "web"),
    }
    assert guest.name in found.problem.params["users"]


def test_a_volume_on_top_of_a_volume_on_top_uses_it(admin, alice, image, make_guest):
    first = volume(image, "first.qcow2", backing_path=image.path)
    second = volume(image, "second.qcow2", backing_path=first.path)
    found = images.get(actor=Person(admin), image_id=image.pk)
    assert {use.name for use in found.uses if use.kind is UseKind.OVERLAY} >= {"first.qcow2"}
    guest = make_guest(alice, "top")
    guest.disk_paths = [second.path]
    guest.save()
    found = images.get(actor=Person(admin), image_id=image.pk)
    assert "top" in {use.name for use in found.uses if use.kind is UseKind.BELOW}


def test_the_disk_of_a_guest_is_no_image_unless_it_came_as_one(admin, alice, image, make_guest):
    disk = volume(image, "disk.qcow2")
    guest = make_guest(alice)
    guest.disk_paths = [disk.path]
    guest.save()
    assert "disk.qcow2" not in names(admin)
    ImageOrigin.objects.create(
        host=image.pool.host, pool_name=image.pool.name, volume_name=disk.name, source="upload"
    )
    assert "disk.qcow2" in names(admin)


def test_what_is_used_cannot_be_deleted(admin, template, test_host):
    with pytest.raises(Refused) as caught:
        images.delete(actor=Person(admin), image_id=template.image_id)
    assert caught.value.code == "image-used"
    assert storage.get_volume(hosts.connection(test_host), pool="default-pool", name="base.qcow2")
    assert AuditEntry.objects.filter(action="image.delete", phase="refused").exists()


def test_what_nothing_uses_is_deleted_with_what_was_known_of_it(admin, image, test_host):
    ImageOrigin.objects.create(
        host=test_host, pool_name=image.pool.name, volume_name=image.name, source="upload"
    )
    images.delete(actor=Person(admin), image_id=image.pk)
    with pytest.raises(VolumeNotFound):
        storage.get_volume(hosts.connection(test_host), pool="default-pool", name="base.qcow2")
    assert not ImageOrigin.objects.exists()
    assert not Volume.objects.filter(pk=image.pk).exists()
    line = AuditEntry.objects.get(action="image.delete", phase="succeeded")
    assert line.command == "virsh vol-delete --pool default-pool base.qcow2"


def test_a_half_made_image_is_neither_deleted_nor_made_a_template_of(admin, image, test_host):
    note = ["volume", str(test_host.pk), image.pool.name, image.name]
    Job.objects.create(kind="import-image", state="running", target_kind="image", undo=[note])
    assert names(admin) == []
    found = images.get(actor=Person(admin), image_id=image.pk)
    assert found.is_being_made
    with pytest.raises(Refused):
        images.delete(actor=Person(admin), image_id=image.pk)
    with pytest.raises(Invalid):
        defaults = templates.TemplateDefaults(name="too early")
        templates.create(actor=Person(admin), image_id=image.pk, defaults=defaults)


def test_a_user_sees_cds_and_no_names_of_others_guests(alice, mallory, image, make_guest):
    cd = volume(image, "cd.iso", format="iso")
    guest = make_guest(alice, "secret name")
    guest.disk_paths = [cd.path]
    guest.save()
    found = images.listing(actor=Person(mallory))
    assert [each.volume.name for each in found] == ["cd.iso"]
    assert (found[0].uses, found[0].hidden_uses) == ((), 1)
    assert "secret" not in str(found[0].problem)


def test_mallory_deletes_nothing(mallory, image):
    cd = volume(image, "cd.iso", format="iso")
    with pytest.raises(Forbidden):
        images.delete(actor=Person(mallory), image_id=cd.pk)
    with pytest.raises(NotFound):
        images.delete(actor=Person(mallory), image_id=image.pk)
    assert Volume.objects.filter(pk=cd.pk).exists()


def test_the_number_of_queries_does_not_depend_on_the_number_of_images(admin, image):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            images.listing(actor=Person(admin))
        return len(seen)

    few = queries()
    for number in range(30):
        volume(image, f"more-{number}.qcow2")
        volume(image, f"cd-{number}.iso", format="iso")
    assert queries() == few
