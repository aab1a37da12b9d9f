"""Templates: what they may hold, what keeps them from being used, and their versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.altering import set_blueprint
from vms.hypervisor import domains, storage
from vms.hypervisor.blueprint import (
    Blueprint,
    CloudPlan,
    DiskOrigin,
    DiskPlan,
    NicPlan,
    SourceKind,
)
from vms.hypervisor.hardware import (
    CpuMode,
    DiskBus,
    DiskFormat,
    Firmware,
    Hardware,
    Machine,
    Topology,
    VideoModel,
)
from vms.hypervisor.xml.parse import parse_domain
from vms.models import Network, Pool, Template, Volume
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound
from vms.services import hosts, survey, templates, versions
from vms.services.templates import TemplateContent, TemplateDefaults

GIB = 1 << 30
BLANK = DiskPlan(origin=DiskOrigin.BLANK, size_bytes=GIB)
OFF = CloudPlan(is_read=False)
POOL = "default-pool"
KNOWN = {
    "is_known": True,
    "machines": ["q35"],
    "cpu_modes": ["fastest", "named"],
    "cpu_models": ["Nehalem"],
    "firmwares": ["bios"],
    "videos": ["virtio"],
    "has_tpm": False,
}


def content(name: str = "Rich", **values: object) -> TemplateContent:
    return TemplateContent(name, Blueprint(cloud=OFF, memory_mib=64, **values))


@pytest.fixture
def iso(test_host, image) -> Volume:
    """An installer in the pool: the test driver knows no format iso of its own."""
    link = hosts.connection(test_host)
    storage.create_volume(link, pool=POOL, name="a.iso", format="raw", capacity_bytes=4096)
    survey.storage_of(test_host)
    Volume.objects.filter(name="a.iso").update(format="iso")
    return Volume.objects.get(name="a.iso")


@pytest.mark.parametrize(
    ("key", "values", "code"),
    [
        ("vcpus", {"vcpus": 0}, "too-small"),
        ("hardware.topology", {"hardware": Hardware(topology=Topology(1, 2))}, "topology-product"),
        ("hardware.cpu_model", {"hardware": Hardware(cpu_mode=CpuMode.NAMED)}, "required"),
        (
            "hardware.firmware",
            {"hardware": Hardware(firmware=Firmware.SECURE_BOOT, machine=Machine.PC)},
            "secure-boot-needs-q35",
        ),
        ("disks", {"disks": ()}, "disk-needed"),
        ("disks", {"disks": (DiskPlan(), *[BLANK] * 8)}, "too-many-disks"),
        ("disks.0.origin", {"disks": (BLANK,)}, "first-disk-from-image"),
        ("disk_bytes", {"disks": (DiskPlan(size_bytes=1),)}, "disk-under-image"),
        ("disks.1.size_bytes", {"disks": (DiskPlan(), DiskPlan(DiskOrigin.BLANK))}, "required"),
        ("disks.1.pool", {"disks": (DiskPlan(), replace(BLANK, pool="nope"))}, "pool-not-found"),
        ("disks.1.bus", {"disks": (DiskPlan(), replace(BLANK, bus=DiskBus.IDE))}, "ide-needs-pc"),
        ("disks.0.format", {"disks": (DiskPlan(format=DiskFormat.RAW),)}, "linked-needs-qcow2"),
        (
            "disks.1.source_volume",
            {"disks": (DiskPlan(), DiskPlan(source_pool=POOL, source_volume="gone"))},
            "image-gone",
        ),
        (
            "disks.1.size_bytes",
            {"disks": (DiskPlan(), DiskPlan(DiskOrigin.COPY, 1, "", source_pool=POOL,
                                           source_volume="base.qcow2"))},
            "disk-under-source",
        ),
        ("network_name", {"nics": (NicPlan("nope"),)}, "network-gone"),
        ("nics.1.network", {"nics": (NicPlan("default"), NicPlan("nope"))}, "network-gone"),
        ("default_user", {"cloud": CloudPlan(user="root")}, "user-reserved"),
        ("user_data", {"cloud": CloudPlan(user_data="password: geheim")}, "yaml-clear-password"),
        ("timezone", {"cloud": CloudPlan(timezone="a b")}, "timezone-rule"),
    ],
)  # fmt: skip
def test_each_wrong_part_is_named(image, admin, key, values, code):
    wanted = TemplateContent("Rich", replace(Blueprint(cloud=OFF), **values))
    with pytest.raises(Invalid) as caught:
        templates.make(actor=Person(admin), content=wanted, image_id=image.pk)
    assert caught.value.fields[key].code == code
    assert not Template.objects.exists()


@pytest.mark.parametrize(
    ("hardware", "code"),
    [
        (Hardware(machine=Machine.PC), "machine-not-offered"),
        (Hardware(cpu_mode=CpuMode.HOST_PASSTHROUGH), "no-host-passthrough"),
        (Hardware(cpu_mode=CpuMode.NAMED, cpu_model="EPYC"), "cpu-not-offered"),
        (Hardware(firmware=Firmware.UEFI), "no-uefi"),
        (Hardware(firmware=Firmware.SECURE_BOOT), "no-secure-boot"),
        (Hardware(has_tpm=True), "no-tpm"),
        (Hardware(video=VideoModel.QXL), "video-not-offered"),
    ],
)
def test_what_the_host_cannot_do_makes_a_template_invalid_with_the_reason(
    template, test_host, hardware, code
):
    test_host.facts = {**test_host.facts, "options": KNOWN}
    test_host.save()
    template.refresh_from_db()
    assert templates.status(template).is_valid
    set_blueprint(template, replace(template.plan, hardware=hardware))
    seen = templates.status(Template.objects.get())
    assert (seen.is_valid, seen.code) == (False, code)
    assert seen.reason


def test_a_pool_that_is_off_and_a_network_that_is_missing_are_told(template, test_host):
    set_blueprint(template, replace(template.plan, nics=(NicPlan("nowhere"),)))
    assert templates.status(template).code == "network-gone"
    set_blueprint(template, replace(template.plan, nics=(NicPlan("default"),)))
    assert templates.status(template).is_valid
    Network.objects.update(is_active=False)
    assert templates.status(template).code == "network-inactive"
    Pool.objects.update(state="inactive")
    assert templates.status(template).code == "image-pool-inactive"


def test_a_template_that_cannot_be_read_is_invalid_and_hides_no_other(template):
    Template.objects.create(
        name="Newer", host=template.host, pool_name=POOL, volume_name="x", blueprint={"schema": 9}
    )
    states = templates.statuses(Template.objects.all())
    codes = {row.name: states[row.pk].code for row in Template.objects.all()}
    assert codes == {"Newer": "template-unreadable", "Small one": ""}


def test_statuses_cost_the_same_for_one_and_for_many(template, django_assert_max_num_queries):
    for number in range(20):
        Template.objects.create(
            name=f"t{number}", host=template.host, pool_name=POOL, volume_name="base.qcow2"
        )
    rows = list(Template.objects.select_related("host"))
    with django_assert_max_num_queries(3):
        templates.statuses(rows)


def test_an_installer_boots_its_cd_after_the_blank_disk(
    iso, admin, alice, make_guest, django_capture_on_commit_callbacks, test_host
):
    wanted = content(source=SourceKind.ISO, disks=(BLANK,), nics=(NicPlan("default"),))
    row = templates.make(actor=Person(admin), content=wanted, image_id=iso.pk)
    seen = _made_from(row, alice, django_capture_on_commit_callbacks, test_host)
    drive = next(disk for disk in seen.disks if disk.device == "cdrom")
    assert drive.source == iso.path
    assert [disk.boot_order for disk in seen.disks] == [1, 2]


def test_a_guest_that_boots_from_the_network_tries_its_disk_first(
    admin, alice, image, make_guest, django_capture_on_commit_callbacks, test_host
):
    disk = replace(BLANK, pool=POOL)
    wanted = content(source=SourceKind.NETWORK, disks=(disk,), nics=(NicPlan("default"),))
    row = templates.make(actor=Person(admin), content=wanted, host_id=test_host.pk)
    assert (row.image, row.volume_name) == (None, "")
    assert templates.status(row).is_valid
    seen = _made_from(row, alice, django_capture_on_commit_callbacks, test_host)
    assert seen.disks[0].boot_order == 1
    assert seen.nics[0].boot_order == 2


def test_every_disk_of_a_template_is_made_with_the_size_that_was_asked_for(
    image, admin, alice, make_guest, django_capture_on_commit_callbacks, test_host
):
    disks = (DiskPlan(), replace(BLANK, bus=DiskBus.SCSI), BLANK)
    row = templates.make(actor=Person(admin), content=content(disks=disks), image_id=image.pk)
    seen = _made_from(
        row, alice, django_capture_on_commit_callbacks, test_host, more_disk_bytes=(None, 2 * GIB)
    )
    buses = sorted(disk.bus for disk in seen.disks if disk.device == "disk")
    assert buses == ["scsi", "virtio", "virtio"]
    volumes = storage.list_volumes(hosts.connection(test_host), POOL)
    sizes = sorted(volume.capacity_bytes for volume in volumes if volume.name != "base.qcow2")
    assert sizes == [GIB, GIB, 2 * GIB]


def _made_from(row, owner, capture, test_host, **more):
    from vms.services import machines

    request = machines.CreateRequest(template_id=row.pk, **more)
    with capture(execute=True):
        vm, job = machines.create(actor=Person(owner), request=request)
    job.refresh_from_db()
    assert job.state == "succeeded", job.error_params
    return parse_domain(domains.get(hosts.connection(test_host), str(vm.domain_uuid)).xml)


@pytest.mark.parametrize(
    ("source", "code"), [(SourceKind.ISO, "image-is-no-iso"), (SourceKind.IMAGE, "image-is-iso")]
)
def test_a_disk_image_is_no_installer_and_an_iso_no_disk(iso, image, admin, source, code):
    wrong = image if source is SourceKind.ISO else iso
    with pytest.raises(Invalid) as caught:
        templates.make(
            actor=Person(admin), content=content(source=source, disks=(BLANK,)), image_id=wrong.pk
        )
    assert caught.value.fields["image"].code == code


def test_a_change_makes_a_version_and_leaves_guests_as_they_are(template, make_guest, alice, admin):
    vm = make_guest(alice, "web")
    before = (vm.vcpus, vm.memory_mib, vm.xml)
    larger = TemplateDefaults(name="Small one", memory_mib=256, vcpus=2, has_cloud_init=False)
    templates.edit(actor=Person(admin), template_id=template.pk, defaults=larger)
    vm.refresh_from_db()
    assert (vm.vcpus, vm.memory_mib, vm.xml) == before
    lines = versions.history(actor=Person(admin), template_id=template.pk)
    assert [(line.number, line.author, line.guests) for line in lines] == [
        (2, "admin", 0),
        (1, "kvmweb", 1),
    ]
    assert set(lines[0].changed) == {"memory_mib", "vcpus", "os_name"}


def test_saving_without_a_change_makes_no_version(template, admin):
    same = TemplateDefaults(
        name="Small one", os_name="Debian 12", memory_mib=128, has_cloud_init=False
    )
    templates.edit(actor=Person(admin), template_id=template.pk, defaults=same)
    assert versions.history(actor=Person(admin), template_id=template.pk)[0].number == 1


def test_a_new_image_makes_a_version_and_the_old_one_stays_under_its_guests(
    template, make_guest, alice, admin, test_host
):
    vm = make_guest(alice, "web")
    link = hosts.connection(test_host)
    storage.create_volume(
        link, pool=POOL, name="next.qcow2", format="qcow2", capacity_bytes=1 << 30
    )
    survey.storage_of(test_host)
    fresh = Volume.objects.get(name="next.qcow2")
    kept = TemplateContent(template.name, template.plan, os_name=template.os_name)
    templates.edit_whole(
        actor=Person(admin), template_id=template.pk, content=kept, image_id=fresh.pk
    )
    template.refresh_from_db()
    assert (template.number, template.volume_name) == (2, "next.qcow2")
    assert Volume.objects.get(name=f"{vm.pk}.qcow2").backing_path.endswith("base.qcow2")
    lines = versions.history(actor=Person(admin), template_id=template.pk)
    assert [line.image for line in lines] == ["next.qcow2", "base.qcow2"]
    assert lines[0].changed == ("volume_name",)


def test_a_guest_is_made_from_the_version_that_was_asked_for(
    template, alice, admin, test_host, django_capture_on_commit_callbacks
):
    from vms.models import Job
    from vms.services import machines
    from vms.worker import jobs as runner

    request = machines.CreateRequest(template_id=template.pk)
    vm, job = machines.create(actor=Person(alice), request=request)  # waits for its commit
    other = TemplateContent(
        template.name, replace(template.plan, disks=(DiskPlan(bus=DiskBus.SATA),))
    )
    templates.edit_whole(actor=Person(admin), template_id=template.pk, content=other)
    runner.run(job.pk)
    assert Job.objects.get(pk=job.pk).state == "succeeded"
    seen = parse_domain(domains.get(hosts.connection(test_host), str(vm.domain_uuid)).xml)
    assert seen.disks[0].bus == "virtio"


def test_mallory_neither_makes_nor_changes_templates_nor_reads_their_history(
    template, image, mallory
):
    actor = Person(mallory)
    with pytest.raises(Forbidden):
        templates.make(actor=actor, content=content(), image_id=image.pk)
    with pytest.raises((Forbidden, NotFound)):
        templates.edit_whole(actor=actor, template_id=template.pk, content=content())
    with pytest.raises((Forbidden, NotFound)):
        versions.history(actor=actor, template_id=template.pk)
