"""Full copies, templates of guests, and seeds that come and go, on a real libvirtd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.site import wait_until
from vms.hypervisor import domains, registry, storage
from vms.hypervisor.blueprint import Blueprint, CloudPlan, DiskOrigin, DiskPlan
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.hardware import DiskBus, DiskCache
from vms.hypervisor.types import PoolInfo
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, CloudInit, Host, Job, Template, Volume
from vms.policy import Person
from vms.services import creation, machines, seeds, survey, template_copies, templates
from vms.services.cloud import CloudWish
from vms.services.template_copies import CopyWish
from vms.services.templates import TemplateContent

MIB = 1 << 20


@pytest.fixture
def qemu(db: None, real_host: HostConnection) -> Iterator[Host]:
    row = Host.objects.create(name="here", uri=real_host.uri)
    survey.everything(row)
    yield row
    registry.forget(str(row.pk))


@pytest.fixture
def copied(qemu: Host, real_host: HostConnection, real_pool: PoolInfo, admin) -> Template:
    """A template whose guests get a larger full copy of its image, on SATA, and a seed."""
    storage.create_volume(
        real_host, pool=real_pool.name, name="small.qcow2", format="qcow2", capacity_bytes=4 * MIB
    )
    survey.storage_of(qemu)
    image = Volume.objects.get(pool__name=real_pool.name, name="small.qcow2")
    disk = DiskPlan(DiskOrigin.COPY, 8 * MIB, bus=DiskBus.SATA, cache=DiskCache.WRITEBACK)
    plan = Blueprint(memory_mib=64, disks=(disk,), cloud=CloudPlan(user="tiny"))
    content = TemplateContent("Copied", plan)
    return templates.make(actor=Person(admin), content=content, image_id=image.pk)


def test_a_full_copy_is_made_templated_and_told_anew(
    copied, admin, real_host, real_pool, real_prefix, real_cleanup,
    django_capture_on_commit_callbacks,
):  # fmt: skip
    import vms.worker.jobs  # noqa: F401 - registers the runner

    actor = Person(admin)
    wanted = machines.CreateRequest(
        template_id=copied.pk,
        name=f"{real_prefix}copy",
        user="tiny",
        password="long enough",
        is_started=False,
    )
    with django_capture_on_commit_callbacks(execute=True):
        vm, job = machines.create(actor=actor, request=wanted)
    real_cleanup(str(vm.pk))
    ended_well(job)
    vm = VM.objects.get(pk=vm.pk)
    own = volume(real_host, real_pool, f"{vm.pk}.qcow2")
    assert (own.backing_path, own.capacity_bytes) == ("", 8 * MIB)
    # The seed is a second CD here: the first drive is the one for people.
    drives = [disk for disk in parse_domain(vm.xml).disks if disk.device == "cdrom"]
    assert [disk.source.rsplit("/", 1)[-1] for disk in drives] == [
        "",
        creation.seed_volume_name(vm),
    ]

    seeds.remove(actor=actor, vm_id=vm.pk)
    assert not CloudInit.objects.exists()
    names = {each.name for each in storage.list_volumes(real_host, real_pool.name)}
    assert creation.seed_volume_name(vm) not in names
    seeds.save(actor=actor, vm_id=vm.pk, wish=CloudWish(hostname="again"))
    assert seeds.state(actor=actor, vm_id=vm.pk).has_seed
    domains.get(real_host, str(vm.pk))

    survey.storage_of(vm.host)
    with django_capture_on_commit_callbacks(execute=True):
        job = template_copies.from_guest(actor=actor, vm_id=vm.pk, wish=CopyWish("Of a guest"))
    ended_well(job)
    made = Template.objects.get(name="Of a guest")
    disk = made.plan.disks[0]
    assert (disk.bus, disk.cache, disk.origin) == ("sata", "writeback", "linked")
    assert made.plan.cloud.is_read
    image = volume(real_host, real_pool, made.volume_name)
    assert (image.backing_path, image.capacity_bytes) == ("", 8 * MIB)


def ended_well(job: Job) -> None:
    job.refresh_from_db()
    assert job.state == "succeeded", (job.error_code, job.error_params)


def volume(host: HostConnection, pool: PoolInfo, name: str):
    return wait_until(
        lambda: storage.get_volume(host, pool=pool.name, name=name), what=f"volume {name}"
    )
