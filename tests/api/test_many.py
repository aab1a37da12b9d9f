"""Search, order and tags through the API, and one thing done to many guests."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import problem_of
from vms.hypervisor import domains
from vms.hypervisor.types import VmState
from vms.models import VM, AuditEntry
from vms.services import hosts


def names(client, query):
    return [vm["name"] for vm in client.get(f"vms?{query}").json()["items"]]


def state_on_host(vm: VM) -> VmState:
    return domains.get(hosts.connection(vm.host), str(vm.domain_uuid)).state


def test_search_is_that_of_the_search_box(api_of, alice, define_guest):
    for name in ("web-10", "web-2", "db"):
        define_guest(alice, name=name)
    VM.objects.filter(name="web-2").update(tags=["blue sky"])
    client = api_of(alice)
    assert names(client, "q=web") == ["web-2", "web-10"]
    assert names(client, "q=tag%3A%22blue%20sky%22") == ["web-2"]
    assert names(client, "q=-tag%3A%22blue+sky%22&sort=-name") == ["web-10", "db"]
    assert names(client, "q=web&owner=alice&limit=1&offset=1") == ["web-10"]
    assert client.get("vms?q=web&limit=1").json()["total"] == 2


@pytest.mark.parametrize(("query", "field"), [("q=foo%3Abar", "q"), ("sort=size", "sort")])
def test_what_is_not_understood_is_422_with_a_sentence(api_of, alice, query, field):
    response = api_of(alice).get(f"vms?{query}")
    assert response.status_code == 422
    assert "known" in problem_of(response)["fields"][field].lower()


def test_a_stranger_finds_nothing(api_of, mallory, guest):
    for query in (f"q={guest.name}", f"q=uuid%3A{guest.pk}", "sort=-cpu", "q=owner%3Aalice"):
        assert api_of(mallory).get(f"vms?{query}").json()["total"] == 0


def test_tags_are_set_shown_and_refused(api_of, alice, guest):
    client = api_of(alice)
    shown = client.patch(f"vms/{guest.pk}", {"tags": ["web", "WEB", "ü 1"]}).json()
    assert shown["tags"] == ["web", "ü 1"]
    response = client.patch(f"vms/{guest.pk}", {"tags": ["a,b"]})
    assert response.status_code == 422
    assert "commas" in problem_of(response)["fields"]["tags"]
    assert client.patch(f"vms/{guest.pk}", {"description": "x"}).json()["tags"] == ["web", "ü 1"]


def test_one_thing_done_to_many_has_a_result_for_each(api_of, alice, define_guest):
    guests = [define_guest(alice), define_guest(alice)]
    client = api_of(alice)
    client.post(f"vms/{guests[0].pk}/actions/start")
    results = client.post("vms/actions/start", {"ids": [str(vm.pk) for vm in guests]}).json()
    assert [(r["name"], r["outcome"], r["code"]) for r in results] == [
        (guests[0].name, "refused", "already-running"),
        (guests[1].name, "done", ""),
    ]
    assert results[0]["detail"]
    assert {state_on_host(vm) for vm in guests} == {VmState.RUNNING}


def test_many_are_tagged_and_deleted(api_of, alice, define_guest):
    guests = [define_guest(alice), define_guest(alice)]
    ids, client = [str(vm.pk) for vm in guests], api_of(alice)
    client.post("vms/actions/tag", {"ids": ids, "tags": ["a"]})
    assert [vm["tags"] for vm in client.get("vms").json()["items"]] == [["a"], ["a"]]
    results = client.post("vms/actions/delete", {"ids": ids}).json()
    assert [result["outcome"] for result in results] == ["started", "started"]


def test_mallory_does_nothing_to_others_guests_and_cannot_tell_them_from_none(
    api_of, mallory, guest
):
    client = api_of(mallory)
    for verb in ("start", "tag", "delete"):
        body = {"ids": [str(guest.pk), str(uuid.uuid4())], "tags": ["x"]}
        foreign, unknown = client.post(f"vms/actions/{verb}", body).json()
        assert {**foreign, "vm_id": ""} == {**unknown, "vm_id": ""}
        assert (foreign["outcome"], foreign["name"]) == ("refused", "")
    assert state_on_host(guest) is VmState.OFF
    assert not AuditEntry.objects.filter(target_id=str(guest.pk)).exists()


@pytest.mark.parametrize("count", [0, 201])
def test_none_and_too_many_are_422(api_of, alice, count):
    body = {"ids": [str(uuid.uuid4()) for _ in range(count)]}
    assert api_of(alice).post("vms/actions/start", body).status_code == 422


def test_a_search_takes_the_same_queries_however_many_guests(api_of, alice, test_host):
    counts, client = [], api_of(alice)
    client.get("vms")  # notes when the token was used last, which happens once in a while
    for wanted in (1, 20, 200):
        for number in range(VM.objects.filter(owner=alice).count(), wanted):
            pk = uuid.uuid4()
            VM.objects.create(
                id=pk, domain_uuid=pk, host=test_host, owner=alice, name=f"g{number}", tags=["a"]
            )
        with CaptureQueriesContext(connection) as queries:
            assert client.get("vms?q=tag%3Aa&sort=-cpu&limit=1000").json()["total"] == wanted
        counts.append(len(queries))
    assert len(set(counts)) == 1, counts
