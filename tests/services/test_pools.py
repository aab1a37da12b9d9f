"""Pools through the service: rights, fields, audit, and what goes with a pool that goes."""

from __future__ import annotations

import uuid

import pytest

import vms.worker.jobs  # noqa: F401 - registers the runner
from vms.hypervisor import pools as libvirt_pools
from vms.hypervisor import storage
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.models import AuditEntry, Job, Pool, Volume
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound, Refused
from vms.services import hosts, pools, survey


@pytest.fixture
def link(test_host):
    """The connection; pools that a test made are gone afterwards."""
    link = hosts.connection(test_host)
    yield link
    for pool in storage.list_pools(link):
        if pool.name != "default-pool":
            for volume in storage.list_volumes(link, pool.name) if pool.capacity_bytes else []:
                storage.delete_volume(link, pool=pool.name, name=volume.name)
            libvirt_pools.undefine(link, pool.name)


def make(actor, host, name="extra", **more) -> Pool:
    spec = PoolSpec(name, more.pop("kind", PoolKind.DIR), **({"path": "/srv/extra"} | more))
    return pools.create(actor=Person(actor), host_id=host.pk, spec=spec)


def fields_of(actor, host, **more) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        make(actor, host, **more)
    return {field: problem.code for field, problem in caught.value.fields.items()}


def test_a_pool_is_made_started_and_in_the_trail_with_its_command(admin, test_host, link):
    pool = make(admin, test_host)
    assert (pool.kind, pool.state, pool.has_autostart) == ("dir", "active", True)
    line = AuditEntry.objects.filter(action="pool.create", phase="succeeded").get()
    assert line.command == "virsh pool-define-as extra dir"


def test_only_administrators_make_pools_or_touch_them(alice, mallory, admin, test_host, link):
    pool = make(admin, test_host)
    for user in (alice, mallory):
        with pytest.raises(Forbidden):
            make(user, test_host, name="other")
        with pytest.raises(Forbidden):
            pools.create_from_xml(actor=Person(user), host_id=test_host.pk, xml="<pool/>")
        for verb in (pools.start, pools.stop, pools.refresh, pools.forget, pools.delete_with_data):
            with pytest.raises(NotFound):
                verb(actor=Person(user), pool_id=pool.pk)
        with pytest.raises(NotFound):
            pools.set_autostart(actor=Person(user), pool_id=pool.pk, is_on=False)
    assert [one.name for one in storage.list_pools(link)] == ["default-pool", "extra"]


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "a/b"}, "name", "name-slash"),
        ({"path": ""}, "path", "required"),
        ({"path": "srv"}, "path", "path-rule"),
        ({"path": "/"}, "path", "path-rule"),
        ({"path": "/srv/../etc"}, "path", "path-rule"),
        ({"path": "/srv/a\nb"}, "path", "path-rule"),
        ({"path": "/etc"}, "path", "path-of-system"),
        ({"path": "/usr/share"}, "path", "path-of-system"),
        ({"kind": PoolKind.FS}, "device", "required"),
        ({"kind": PoolKind.FS, "device": "/etc/passwd"}, "device", "device-rule"),
        ({"kind": PoolKind.FS, "device": "/dev/../etc/passwd"}, "device", "device-rule"),
        ({"kind": PoolKind.NETFS, "export": "/x"}, "server", "required"),
        ({"kind": PoolKind.NETFS, "server": "-o evil", "export": "/x"}, "server", "server-rule"),
        ({"kind": PoolKind.NETFS, "server": "nas", "export": "x"}, "export", "path-rule"),
        ({"kind": PoolKind.LOGICAL}, "group", "required"),
        ({"kind": PoolKind.LOGICAL, "group": "-f"}, "group", "group-rule"),
        ({"kind": PoolKind.LOGICAL, "group": "vg", "is_formatted": True}, "device", "required"),
    ],
)
def test_each_field_that_is_wrong_says_why_and_nothing_is_made(
    admin, test_host, link, more, field, code
):
    assert fields_of(admin, test_host, **more) == {field: code}
    assert [one.name for one in storage.list_pools(link)] == ["default-pool"]


def test_a_name_that_is_taken_is_told_beside_the_field(admin, test_host, link):
    make(admin, test_host)
    assert fields_of(admin, test_host, path="/srv/b") == {"name": "pool-name-used"}


def test_a_share_needs_no_mount_point_to_be_named(admin, test_host, link):
    pool = make(
        admin, test_host, "My share", kind=PoolKind.NETFS, path="", server="nas", export="/x"
    )
    assert pool.path == "/var/lib/libvirt/pools/my-share"


def test_xml_that_libvirt_refuses_is_told_in_its_words(admin, test_host, link):
    with pytest.raises(Invalid) as caught:
        pools.create_from_xml(
            actor=Person(admin), host_id=test_host.pk, xml="<pool type='odd'><name>x</name></pool>"
        )
    assert caught.value.fields["xml"].code == "invalid-config"


def test_a_pool_of_any_kind_is_managed_from_its_xml_on(admin, test_host, link):
    xml = "<pool type='zfs'><name>tank</name><source><name>tank</name></source></pool>"
    actor = Person(admin)
    pool = pools.create_from_xml(actor=actor, host_id=test_host.pk, xml=xml)
    assert (pool.kind, pool.state) == ("zfs", "active")
    assert pools.stop(actor=actor, pool_id=pool.pk).state == "inactive"
    assert pools.start(actor=actor, pool_id=pool.pk).state == "active"
    assert not pools.set_autostart(actor=actor, pool_id=pool.pk, is_on=False).has_autostart
    pools.forget(actor=actor, pool_id=pool.pk)
    assert not Pool.objects.filter(pk=pool.pk).exists()


@pytest.fixture
def full(admin, test_host, link):
    """A pool with two volumes, one based on the other."""
    pool = make(admin, test_host)
    base = storage.create_volume(
        link, pool="extra", name="base.qcow2", format="qcow2", capacity_bytes=1 << 20
    )
    storage.create_overlay(
        link,
        pool="extra",
        name="top.qcow2",
        backing=base,
        capacity_bytes=1 << 20,
    )
    survey.storage_of(test_host)
    return pool


def test_a_pool_goes_with_its_volumes_only_when_that_is_asked_for(
    admin, full, link, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        job = pools.delete_with_data(actor=Person(admin), pool_id=full.pk)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("succeeded", "")
    assert [one.name for one in storage.list_pools(link)] == ["default-pool"]
    line = AuditEntry.objects.get(action="pool.delete", phase="requested")
    assert sorted(line.detail["deleted volumes"]) == ["base.qcow2", "top.qcow2"]


def test_a_pool_with_a_volume_that_a_guest_needs_stays(admin, alice, full, link, define_on):
    define_on("/srv/extra/top.qcow2")
    with pytest.raises(Refused) as caught:
        pools.delete_with_data(actor=Person(admin), pool_id=full.pk)
    assert caught.value.code == "volume-needed"
    assert len(storage.list_volumes(link, "extra")) == 2
    assert not Job.objects.exists()


def test_forgetting_a_pool_deletes_nothing_in_it(admin, full, link, test_host):
    pools.forget(actor=Person(admin), pool_id=full.pk)
    assert not Pool.objects.filter(pk=full.pk).exists()
    assert not Volume.objects.filter(pool_id=full.pk).exists()
    again = make(admin, test_host)
    assert again.pk != full.pk


@pytest.fixture
def define_on(test_host, link):
    """Define a domain of the test driver with that disk."""
    from vms.hypervisor import domains
    from vms.hypervisor.types import Accelerator, DiskSpec, VmMetadata, VmSpec

    def define(path: str) -> str:
        pk = str(uuid.uuid4())
        spec = VmSpec(
            pk, "needs it", 1, 64, Accelerator.TEST, (DiskSpec(path),), (), VmMetadata(), "i686"
        )
        domains.define(link, spec)
        survey.all_domains(test_host)
        return pk

    return define
