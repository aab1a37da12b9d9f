"""Search and order over every guest that somebody may see."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from vms.finder import Order, SortKey, find
from vms.live import recent
from vms.live.messages import Numbers
from vms.models import VM
from vms.policy import Person, SystemActor


@pytest.fixture
def row_of(test_host):
    VM.objects.all().delete()

    def make(owner, name, **fields):
        pk = uuid.uuid4()
        values = {"state": "off", **fields}
        return VM.objects.create(
            id=pk, domain_uuid=pk, host=test_host, owner=owner, name=name, **values
        )

    return make


@pytest.fixture
def numbers_of():
    known = []

    def tell(vm, numbers):
        known.append(str(vm.pk))
        recent.record({str(vm.pk): numbers}, {str(vm.pk): numbers.as_json()})

    yield tell
    for vm_id in known:
        recent.forget(vm_id)


def names(actor, text="", order="name"):
    found = find(actor, text, Order.read(order))
    return [VM.objects.get(pk=pk).name for pk in found.ids]


def test_only_what_one_may_see_is_found(row_of, alice, mallory, admin):
    row_of(alice, "of alice", tags=["secret"])
    row_of(None, "of nobody")
    assert names(Person(alice)) == ["of alice"]
    assert names(Person(admin)) == ["of alice", "of nobody"]
    stranger = find(Person(mallory), "alice")
    assert (stranger.ids, stranger.total, stranger.tags, stranger.owners) == ([], 0, (), ())


def test_search_looks_into_every_part(row_of, alice, template):
    row_of(alice, "other")
    row_of(
        alice,
        "wanted",
        state="running",
        tags=["Blue Sky"],
        template=template,
        template_name=template.name,
        addresses=["10.1.2.3"],
        macs=["52:54:00:12:34:56"],
    )
    for text in (
        "state:running",
        'tag:"blue sky"',
        "sky",
        "template:small",
        "os:debian",
        "ip:10.1",
        "10.1.2",
        "12:34:56",
        "wanted owner:alice",
    ):
        assert names(Person(alice), text) == ["wanted"], text


def test_me_is_the_one_who_asks(row_of, alice, admin):
    row_of(alice, "hers")
    row_of(admin, "his")
    assert names(Person(admin), "owner:me") == ["his"]
    assert names(SystemActor(), "owner:me") == []


def test_names_are_ordered_as_people_do(row_of, alice):
    for name in ("lab-10", "Lab-2", "lab-1", "äther", "2"):
        row_of(alice, name)
    assert names(Person(alice)) == ["2", "lab-1", "Lab-2", "lab-10", "äther"]
    assert names(Person(alice), order="-name")[-1] == "2"


def test_numbers_order_with_the_unknown_last_either_way(row_of, numbers_of, alice):
    busy, idle = row_of(alice, "busy", state="running"), row_of(alice, "idle", state="running")
    row_of(alice, "a-off")
    numbers_of(busy, Numbers(90, 500, 1000, "rss", 10, 20, 0, 5))
    numbers_of(idle, Numbers(1, 10, 1000, "rss", 0, 0, 0, 0))
    for key in ("cpu", "memory", "disk", "network"):
        assert names(Person(alice), order=f"-{key}") == ["busy", "idle", "a-off"], key
        assert names(Person(alice), order=key) == ["idle", "busy", "a-off"], key


def test_state_and_owner_order_with_equal_ones_by_name(row_of, alice, bob):
    row_of(alice, "c", state="running")
    row_of(bob, "b", state="off")
    row_of(alice, "a", state="off")
    assert names(SystemActor(), order="state") == ["c", "a", "b"]
    assert names(SystemActor(), order="-owner") == ["b", "a", "c"]


@pytest.mark.parametrize("text", ["", "-", "size", "--cpu", "CPU"])
def test_what_is_no_order_is_none(text):
    assert Order.read(text) is None


def test_an_order_is_read_as_it_is_written():
    for key in SortKey:
        for order in (Order(key), Order(key).reverse):
            assert Order.read(str(order)) == order


def test_one_query_however_many_guests(row_of, alice):
    counts = []
    for wanted in (1, 20, 200):
        while VM.objects.count() < wanted:
            row_of(alice, f"g{VM.objects.count()}", tags=["a", "b"])
        with CaptureQueriesContext(connection) as queries:
            assert find(Person(alice), "tag:a g", Order(SortKey.CPU)).total == wanted
        counts.append(len(queries))
    assert counts == [1, 1, 1]
