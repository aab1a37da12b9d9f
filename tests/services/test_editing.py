"""Changing a guest: what is kept, what is refused, and by whom."""

from __future__ import annotations

import pytest

from vms.hypervisor import domains, storage
from vms.hypervisor.errors import DomainNotFound
from vms.models import VM, Volume
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import editing, hosts, ownership, survey

TEXTS = ["", "plain", "Ünïcödé 日本", "<b>\"quotes\" & 'more'</b>", "two\nlines\n", "]]> &amp;"]


@pytest.fixture
def stopped(make_guest, alice):
    """A guest of alice that is off."""
    return make_guest(alice, "web", is_started=False)


@pytest.mark.parametrize("text", TEXTS)
def test_a_description_is_byte_identical_when_read_back(stopped, alice, test_host, text):
    editing.set_description(actor=Person(alice), vm_id=stopped.pk, description=text)
    assert VM.objects.get(pk=stopped.pk).description == text
    survey.all_domains(test_host)
    assert VM.objects.get(pk=stopped.pk).description == text


def test_line_ends_of_a_form_become_those_of_xml(stopped, alice):
    vm = editing.set_description(actor=Person(alice), vm_id=stopped.pk, description="a\r\nb\rc")
    assert vm.description == "a\nb\nc"


def test_a_description_with_control_characters_is_refused(stopped, alice):
    with pytest.raises(Invalid) as caught:
        editing.set_description(actor=Person(alice), vm_id=stopped.pk, description="a\x07b")
    assert caught.value.fields["description"].code == "text-control"


def test_name_cpus_and_memory_change_while_it_is_off(stopped, alice, test_host):
    vm = editing.change_config(
        actor=Person(alice), vm_id=stopped.pk, name="a#b %.1 <b>", vcpus=2, memory_mib=256
    )
    assert (vm.name, vm.libvirt_name, vm.vcpus, vm.memory_mib) == (
        "a#b %.1 <b>",
        "a#b %.1 <b>",
        2,
        256,
    )
    survey.all_domains(test_host)
    assert VM.objects.get(pk=stopped.pk).name == "a#b %.1 <b>"


def test_a_name_taken_on_the_host_by_another_owner_gets_a_suffix_there(
    stopped, make_guest, alice, bob, test_host
):
    make_guest(bob, "db")
    vm = editing.change_config(actor=Person(alice), vm_id=stopped.pk, name="db")
    assert (vm.name, vm.libvirt_name) == ("db", "db-2")
    survey.all_domains(test_host)
    vm.refresh_from_db()
    assert (vm.name, vm.libvirt_name) == ("db", "db-2")


def test_a_name_the_owner_uses_already_is_refused(stopped, make_guest, alice):
    make_guest(alice, "db")
    with pytest.raises(Invalid) as caught:
        editing.change_config(actor=Person(alice), vm_id=stopped.pk, name="db")
    assert caught.value.fields["name"].code == "name-used"
    assert VM.objects.get(pk=stopped.pk).name == "web"


def test_the_old_name_comes_back_when_the_host_refuses(stopped, alice, test_host):
    domains.undefine(hosts.connection(test_host), str(stopped.domain_uuid))
    with pytest.raises(Exception, match="domain-not-found"):
        editing.change_config(actor=Person(alice), vm_id=stopped.pk, name="db")
    row = VM.objects.get(pk=stopped.pk)
    assert (row.name, row.libvirt_name) == ("web", "web")


def test_a_running_guest_is_not_changed_and_says_why(make_guest, alice):
    vm = make_guest(alice, "web")
    with pytest.raises(Refused, match="must-be-off"):
        editing.change_config(actor=Person(alice), vm_id=vm.pk, vcpus=2)


def test_an_unknown_boot_device_is_refused(stopped, alice):
    with pytest.raises(Invalid) as caught:
        editing.change_config(actor=Person(alice), vm_id=stopped.pk, boot=("vdz",))
    assert caught.value.fields["boot"].code == "boot-unknown"


def test_the_boot_order_is_kept_as_given(stopped, alice):
    devices = editing.boot_devices(editing.details(actor=Person(alice), vm_id=stopped.pk))
    wanted = tuple(reversed([device.key for device in devices]))
    editing.change_config(actor=Person(alice), vm_id=stopped.pk, boot=wanted)
    after = editing.boot_devices(editing.details(actor=Person(alice), vm_id=stopped.pk))
    assert tuple(device.key for device in after) == wanted


def test_mallory_changes_nothing(stopped, mallory):
    actor = Person(mallory)
    for call in (
        lambda: editing.set_description(actor=actor, vm_id=stopped.pk, description="x"),
        lambda: editing.change_config(actor=actor, vm_id=stopped.pk, name="x"),
        lambda: editing.insert_iso(actor=actor, vm_id=stopped.pk, image_id=stopped.pk),
        lambda: editing.eject_iso(actor=actor, vm_id=stopped.pk),
        lambda: editing.details(actor=actor, vm_id=stopped.pk),
        lambda: ownership.set_owner(actor=actor, vm_id=stopped.pk, owner_id=mallory.pk),
    ):
        with pytest.raises(NotFound):
            call()
    row = VM.objects.get(pk=stopped.pk)
    assert (row.name, row.description, row.owner_id) == (
        "web",
        stopped.description,
        stopped.owner_id,
    )


def test_an_owner_cannot_give_his_guest_away(stopped, alice, bob):
    with pytest.raises(Forbidden):
        ownership.set_owner(actor=Person(alice), vm_id=stopped.pk, owner_id=bob.pk)


def test_an_administrator_gives_a_guest_an_owner(stopped, admin, bob, test_host):
    from vms.hypervisor.xml.parse import parse_domain

    vm = ownership.set_owner(actor=Person(admin), vm_id=stopped.pk, owner_id=bob.pk)
    assert vm.owner == bob
    record = domains.get(hosts.connection(test_host), str(vm.domain_uuid))
    assert parse_domain(record.xml).metadata.owner == "bob"


def test_a_guest_whose_host_refuses_keeps_its_owner(stopped, admin, alice, bob, test_host):
    domains.undefine(hosts.connection(test_host), str(stopped.domain_uuid))
    with pytest.raises(DomainNotFound):
        ownership.set_owner(actor=Person(admin), vm_id=stopped.pk, owner_id=bob.pk)
    assert VM.objects.get(pk=stopped.pk).owner == alice


def test_a_new_owner_who_has_a_guest_of_that_name_is_refused(stopped, make_guest, admin, bob):
    make_guest(bob, "web")
    with pytest.raises(Invalid) as caught:
        ownership.set_owner(actor=Person(admin), vm_id=stopped.pk, owner_id=bob.pk)
    assert caught.value.fields["owner"].code == "name-used"
    stopped.refresh_from_db()
    assert stopped.owner.username == "alice"


def test_a_disk_of_somebody_else_cannot_be_inserted_as_a_cd(
    stopped, make_guest, alice, bob, test_host
):
    make_guest(bob, "victim")
    survey.storage_of(test_host)
    disk = Volume.objects.filter(name__endswith=".qcow2").exclude(name="base.qcow2").first()
    with pytest.raises(Invalid) as caught:
        editing.insert_iso(actor=Person(alice), vm_id=stopped.pk, image_id=disk.pk)
    assert caught.value.fields["image"].code == "unknown-image"


def test_an_iso_is_inserted_and_ejected(stopped, alice, test_host):
    storage.create_volume(
        hosts.connection(test_host),
        pool="default-pool",
        name="rescue.iso",
        format="raw",
        capacity_bytes=1 << 20,
    )
    survey.storage_of(test_host)
    iso = Volume.objects.get(name="rescue.iso")
    actor = Person(alice)
    editing.insert_iso(actor=actor, vm_id=stopped.pk, image_id=iso.pk)
    drives = [
        d for d in editing.details(actor=actor, vm_id=stopped.pk).disks if d.device == "cdrom"
    ]
    assert drives[0].source == iso.path
    editing.eject_iso(actor=actor, vm_id=stopped.pk)
    drives = [
        d for d in editing.details(actor=actor, vm_id=stopped.pk).disks if d.device == "cdrom"
    ]
    assert drives[0].source == ""
