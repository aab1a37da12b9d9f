"""What is seen on a host becomes rows: nothing lost, nothing deleted too early."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from vms.hypervisor import domains
from vms.hypervisor.errors import HostAway
from vms.hypervisor.types import (
    Address,
    DomainRecord,
    NetworkInfo,
    PoolInfo,
    PoolState,
    VmState,
    VolumeInfo,
)
from vms.hypervisor.xml.tree import NAMESPACE
from vms.models import VM, Host, Job, Network, Pool, Template, Volume
from vms.services import hosts, sync
from vms.services.installation import installation_id

pytestmark = pytest.mark.django_db


def xml(name: str, *, vcpus: int = 1, extra: str = "", metadata: str = "") -> str:
    return (
        f"<domain type='test'><name>{name}</name><memory unit='MiB'>64</memory>"
        f"<vcpu>{vcpus}</vcpu><os><type>hvm</type></os>{metadata}<devices>{extra}</devices></domain>"
    )


def ours(*, name: str, owner: str = "", template: str = "", installation: str = "") -> str:
    return (
        f"<metadata><k:vm xmlns:k='{NAMESPACE}' name='{name}' owner='{owner}' "
        f"template='{template}' installation='{installation or installation_id()}'/></metadata>"
    )


def record(name: str, state: VmState = VmState.OFF, text: str = "", key: str = "") -> DomainRecord:
    return DomainRecord(
        uuid=key or str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        name=name,
        state=state,
        state_reason="",
        is_persistent=True,
        has_autostart=False,
        xml=text or xml(name),
    )


@pytest.fixture
def host(db) -> Host:
    return Host.objects.create(name="h", uri="test:///default", status="connected")


@pytest.fixture
def news(monkeypatch, django_capture_on_commit_callbacks):
    """Collects what is published: news() runs what waits for the commit and returns it."""
    told: list[tuple[str, str]] = []
    monkeypatch.setattr("vms.live.publish.vm_changed", lambda pk, rev: told.append(("vm", pk)))
    monkeypatch.setattr("vms.live.publish.vm_gone", lambda pk: told.append(("gone", pk)))
    monkeypatch.setattr("vms.live.publish.host_changed", lambda pk: told.append(("host", pk)))

    def during(action):
        told.clear()
        with django_capture_on_commit_callbacks(execute=True):
            action()
        return list(told)

    return during


def test_a_domain_of_the_test_driver_becomes_a_row_with_its_uuid(test_host) -> None:
    VM.objects.all().delete()
    sync.observe_domains(test_host, domains.list_all(hosts.connection(test_host)))
    row = VM.objects.get(libvirt_name="test")
    assert row.pk == row.domain_uuid
    assert (row.name, row.owner, row.vm_state) == ("test", None, VmState.RUNNING)
    assert row.vcpus == 2
    assert row.memory_mib > 0


def test_a_change_counts_the_revision_up_and_is_told_on_commit(host, news) -> None:
    sync.observe_domain(host, record("a"))
    row = VM.objects.get(name="a")
    assert news(lambda: sync.observe_domain(host, record("a"))) == []
    running = record("a", VmState.RUNNING)
    assert news(lambda: sync.observe_domain(host, running)) == [("vm", str(row.pk))]
    after = VM.objects.get(name="a")
    assert after.revision == row.revision + 1
    assert after.is_active


def test_a_domain_that_is_gone_from_a_listing_loses_its_row(host, news) -> None:
    sync.observe_domains(host, [record("a"), record("b")])
    gone = VM.objects.get(name="b")
    assert news(lambda: sync.observe_domains(host, [record("a")])) == [("gone", str(gone.pk))]
    assert list(VM.objects.values_list("name", flat=True)) == ["a"]


def test_what_came_later_than_the_listing_is_left_alone(host) -> None:
    later, made_meanwhile = record("a", VmState.RUNNING), record("b")
    sync.observe_domains(host, [later, made_meanwhile])
    touched = {later.uuid, made_meanwhile.uuid}
    sync.observe_domains(host, [record("a", VmState.OFF)], except_for=touched)
    assert VM.objects.get(name="a").vm_state is VmState.RUNNING
    assert VM.objects.filter(name="b").exists()


def test_a_guest_that_a_job_has_is_never_deleted_by_a_listing(host) -> None:
    being_made = VM.objects.create(
        host=host, domain_uuid=uuid.uuid4(), name="new", is_creating=True
    )
    being_deleted = VM.objects.create(host=host, domain_uuid=uuid.uuid4(), name="old")
    Job.objects.create(kind="delete-vm", vm=being_deleted)
    sync.observe_domains(host, [])
    sync.forget_domain(host, str(being_made.domain_uuid))
    sync.forget_domain(host, str(being_deleted.domain_uuid))
    assert set(VM.objects.values_list("name", flat=True)) == {"new", "old"}


def test_another_hosts_guests_are_left_alone(host) -> None:
    other = Host.objects.create(name="other", uri="test:///other")
    sync.observe_domains(other, [record("theirs")])
    sync.observe_domains(host, [])
    assert VM.objects.filter(name="theirs").exists()


def test_a_uuid_taken_on_another_host_gets_an_id_of_its_own(host) -> None:
    other = Host.objects.create(name="other", uri="test:///other")
    sync.observe_domain(other, record("twin"))
    sync.observe_domain(host, record("twin"))
    rows = VM.objects.filter(domain_uuid=record("twin").uuid)
    assert rows.count() == 2
    assert rows.get(host=host).pk != rows.get(host=host).domain_uuid


def test_owner_and_template_come_back_from_metadata_that_we_wrote(host, alice) -> None:
    template = Template.objects.create(name="Tiny", host=host, pool_name="p", volume_name="v")
    text = xml("web-2", metadata=ours(name="web", owner="alice", template="Tiny"))
    sync.observe_domain(host, record("web-2", text=text))
    row = VM.objects.get(libvirt_name="web-2")
    assert (row.name, row.owner, row.template) == ("web", alice, template)


def test_metadata_of_another_installation_gives_nobody_a_guest(host, alice) -> None:
    text = xml("web", metadata=ours(name="web", owner="alice", installation=str(uuid.uuid4())))
    sync.observe_domain(host, record("web", text=text))
    assert VM.objects.get(name="web").owner is None


def test_mallory_cannot_take_a_guest_by_an_owner_that_does_not_exist(host, mallory) -> None:
    text = xml("web", metadata=ours(name="web", owner="nobody"))
    sync.observe_domain(host, record("web", text=text))
    assert VM.objects.get(name="web").owner is None


def test_metadata_changed_later_moves_no_guest_to_another_owner(host, alice, mallory) -> None:
    sync.observe_domain(
        host, record("web", text=xml("web", metadata=ours(name="web", owner="alice")))
    )
    sync.observe_domain(
        host, record("web", text=xml("web", metadata=ours(name="web", owner="mallory")))
    )
    assert VM.objects.get(name="web").owner == alice


def test_a_rename_by_virsh_is_followed_and_kept_unique_for_the_owner(host, alice) -> None:
    first, second = record("one"), record("two")
    sync.observe_domains(host, [first, second])
    VM.objects.update(owner=alice)
    renamed = dataclasses.replace(second, name="three", xml=xml("three"))
    sync.observe_domain(host, renamed)
    assert VM.objects.get(domain_uuid=second.uuid).name == "three"
    sync.observe_domain(host, dataclasses.replace(second, name="one", xml=xml("one")))
    assert VM.objects.get(domain_uuid=second.uuid).name == "one-2"


def test_two_new_domains_of_one_name_and_owner_both_get_rows(host, alice) -> None:
    text = xml("x", metadata=ours(name="same", owner="alice"))
    sync.observe_domains(host, [record("x-1", text=text), record("x-2", text=text)])
    assert set(VM.objects.values_list("name", flat=True)) == {"same", "same-2"}


@pytest.mark.parametrize(
    "text", ["", "not xml", "<pool/>", "<domain/>", "<domain><vcpu>many</vcpu>"]
)
def test_a_domain_with_odd_xml_is_listed_with_what_is_known(host, text) -> None:
    odd = dataclasses.replace(record("odd", VmState.RUNNING), xml=text)
    sync.observe_domains(host, [record("a"), odd, record("b")])
    row = VM.objects.get(name="odd")
    assert row.vm_state is VmState.RUNNING
    assert row.is_readable == (text == "<domain/>")
    assert VM.objects.count() == 3


def test_xml_that_becomes_unreadable_keeps_the_columns_known(host) -> None:
    sync.observe_domain(host, record("a", text=xml("a", vcpus=3)))
    sync.observe_domain(host, dataclasses.replace(record("a"), xml="<"))
    row = VM.objects.get(name="a")
    assert (row.vcpus, row.is_readable) == (3, False)


def test_numbers_and_names_beyond_any_column_keep_no_other_guest_back(host) -> None:
    huge = xml("huge").replace("<memory unit='MiB'>64", "<memory unit='EiB'>999999999999")
    long = "n" * 400
    sync.observe_domains(host, [record("a"), record("huge", text=huge), record(long), record("b")])
    assert VM.objects.count() == 4


def test_a_row_that_the_database_refuses_keeps_no_other_one_back(host, monkeypatch) -> None:
    sync.observe_domains(host, [record("a")])
    # As if another process had made this row between our reading and our writing.
    monkeypatch.setattr(sync, "_rows", lambda *_args: {})
    sync.observe_domains(host, [record("a"), record("b")])
    assert set(VM.objects.values_list("name", flat=True)) == {"a", "b"}


def test_a_listing_costs_the_same_queries_for_10_and_1000_domains(host) -> None:
    def queries(count: int) -> int:
        records = [record(f"vm-{number}") for number in range(count)]
        sync.observe_domains(host, records)
        with CaptureQueriesContext(connection) as captured:
            sync.observe_domains(host, records)
        return len(captured)

    assert queries(10) == queries(1000) <= 6


def test_addresses_go_when_the_guest_stops(host) -> None:
    running = record("a", VmState.RUNNING)
    sync.observe_domain(host, running)
    addresses = (
        Address("fe80::1", "m", "agent"),
        Address("192.168.122.9", "m", "lease"),
        Address("10.0.0.1", "m", "agent"),
        Address("127.0.0.1", "m", "agent"),
        Address("10.0.0.1", "m", "arp"),
        Address("nonsense", "m", "arp"),
    )
    sync.observe_addresses(host, running.uuid, addresses)
    assert VM.objects.get(name="a").addresses == ["10.0.0.1", "192.168.122.9"]
    sync.observe_domain(host, record("a", VmState.OFF))
    assert VM.objects.get(name="a").addresses == []


def test_a_host_that_goes_away_keeps_the_moment_and_its_guests(host, news) -> None:
    sync.observe_domain(host, record("a"))
    assert news(lambda: sync.host_away(host, HostAway(reason="refused"))) == [
        ("host", str(host.pk))
    ]
    since = Host.objects.get(pk=host.pk).status_since
    assert news(lambda: sync.host_away(host, HostAway(reason="refused"))) == []
    row = Host.objects.get(pk=host.pk)
    assert (row.status, row.status_code, row.status_detail) == ("away", "host-away", "refused")
    assert row.status_since == since
    assert VM.objects.filter(name="a").exists()


def test_a_host_that_comes_back_is_connected_again(test_host) -> None:
    from vms.services import survey

    sync.host_away(test_host, HostAway(reason="x"))
    survey.facts(test_host)
    row = Host.objects.get(pk=test_host.pk)
    assert (row.status, row.status_code, row.status_detail) == ("connected", "", "")


def pool(name: str = "p", state: PoolState = PoolState.ACTIVE, available: int = 10) -> PoolInfo:
    key = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    return PoolInfo(key, name, "dir", state, True, 100, 90, available, f"/{name}")


def volume(name: str, pool_name: str = "p") -> VolumeInfo:
    return VolumeInfo(pool_name, name, f"/{pool_name}/{name}", "qcow2", 5, 3, "")


def test_pools_and_volumes_follow_the_listing(host) -> None:
    sync.observe_pools(host, [pool()], {"p": [volume("a"), volume("b")]})
    kept = Volume.objects.get(name="a").pk
    sync.observe_pools(host, [pool(available=5)], {"p": [volume("a"), volume("c")]})
    assert {row.name for row in Volume.objects.all()} == {"a", "c"}
    assert Volume.objects.get(name="a").pk == kept
    assert Pool.objects.get().available_bytes == 5
    sync.observe_pools(host, [], {})
    assert not Pool.objects.exists()


def test_volumes_of_a_pool_that_was_not_listed_stay(host) -> None:
    sync.observe_pools(host, [pool()], {"p": [volume("a")]})
    sync.observe_pools(host, [pool(state=PoolState.INACTIVE)], {})
    assert Volume.objects.filter(name="a").exists()
    assert Pool.objects.get().state == "inactive"


def test_what_was_made_or_deleted_while_a_listing_was_read_stays_so(host) -> None:
    sync.observe_pools(host, [pool(), pool("q")], {"p": [volume("a"), volume("b")]})
    before = sync.before_listing(host)
    listed = [pool(), pool("q")], {"p": [volume("a"), volume("b")]}
    sync.observe_pools(
        host, [pool(), pool("new")], {"p": [volume("b"), volume("c")], "new": [volume("d", "new")]}
    )
    made = Volume.objects.get(name="c").pk
    sync.observe_pools(host, *listed, before=before)
    assert {row.name for row in Pool.objects.all()} == {"p", "new"}
    assert {row.name for row in Volume.objects.all()} == {"b", "c", "d"}
    assert Volume.objects.get(name="c").pk == made
    later = sync.before_listing(host)
    sync.observe_pools(host, [pool()], {"p": [volume("b")]}, before=later)
    assert {row.name for row in Volume.objects.all()} == {"b"}


def test_a_template_gets_its_image_back_when_the_image_comes_back(host) -> None:
    sync.observe_pools(host, [pool()], {"p": [volume("a")]})
    template = Template.objects.create(
        name="t", host=host, pool_name="p", volume_name="a", image=Volume.objects.get()
    )
    sync.observe_pools(host, [pool()], {"p": []})
    template.refresh_from_db()
    assert template.image is None
    sync.observe_pools(host, [pool()], {"p": [volume("a")]})
    template.refresh_from_db()
    assert template.image is not None


def test_networks_follow_the_listing(host) -> None:
    one = NetworkInfo(str(uuid.uuid4()), "default", True, True, "virbr0", "nat")
    sync.observe_networks(host, [one])
    sync.observe_networks(host, [dataclasses.replace(one, is_active=False)])
    assert not Network.objects.get().is_active
    sync.observe_networks(host, [])
    assert not Network.objects.exists()
