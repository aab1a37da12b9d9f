"""Guests through the API, against libvirt's test driver as the oracle."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import problem_of
from vms.hypervisor import domains
from vms.hypervisor.types import DiskSpec, VmState
from vms.live import recent
from vms.live.messages import Numbers
from vms.models import VM, Job, Template
from vms.services import consoles, hosts


def state_on_host(vm: VM) -> VmState:
    return domains.get(hosts.connection(vm.host), str(vm.domain_uuid)).state


def test_a_guest_shows_all_that_the_contract_names(api_of, alice, define_guest):
    disk = DiskSpec(path="/pool/a #1 <b>.qcow2", boot_order=1)
    guest = define_guest(alice, name="Ünï & “co” #1 <b>", disks=(disk,))
    shown = api_of(alice).get(f"vms/{guest.pk}").json()
    assert shown["id"] == str(guest.pk)
    assert shown["name"] == shown["libvirt_name"] == "Ünï & “co” #1 <b>"
    assert shown["host"] == {"id": str(guest.host_id), "name": guest.host.name}
    assert shown["owner"] == {"id": str(alice.pk), "name": "alice"}
    assert (shown["state"], shown["vcpus"], shown["memory_mib"]) == ("off", 1, 64)
    assert shown["disks"][0]["source"] == "/pool/a #1 <b>.qcow2"
    assert shown["boot"][0] == shown["disks"][0]["target"]
    assert (shown["numbers"], shown["job"], shown["template"]) == (None, None, None)
    verbs = {verb["verb"]: verb for verb in shown["verbs"]}
    assert verbs["start"]["is_allowed"]
    assert verbs["pause"]["code"] == "is-off"
    assert verbs["pause"]["reason"]


def test_numbers_of_a_running_guest_are_the_latest(api_of, alice, guest):
    client = api_of(alice)
    assert client.post(f"vms/{guest.pk}/actions/start").status_code == 200
    numbers = Numbers(12.5, 30.0, 64.0, "rss", 1.0, 2.0, 3.0, None)
    recent.record({str(guest.pk): numbers}, {str(guest.pk): numbers.as_json()})
    try:
        shown = client.get("vms").json()["items"][0]["numbers"]
    finally:
        recent.forget(str(guest.pk))
    assert (shown["cpu_percent"], shown["memory_source"], shown["net_tx_bps"]) == (
        12.5,
        "rss",
        None,
    )


def test_verbs_change_the_guest_on_the_host(api_of, alice, guest):
    client = api_of(alice)
    for verb, state in [
        ("start", VmState.RUNNING),
        ("pause", VmState.PAUSED),
        ("resume", VmState.RUNNING),
        ("power-off", VmState.OFF),
    ]:
        response = client.post(f"vms/{guest.pk}/actions/{verb}")
        assert (response.status_code, response.json()["state"]) == (200, state.value), verb
        assert state_on_host(guest) is state


def test_a_verb_that_the_state_does_not_allow_is_409_with_the_reason_of_the_menu(
    api_of, alice, guest
):
    client = api_of(alice)
    verbs = {v["verb"]: v for v in client.get(f"vms/{guest.pk}").json()["verbs"]}
    response = client.post(f"vms/{guest.pk}/actions/pause")
    assert response.status_code == 409
    assert problem_of(response)["detail"] == verbs["pause"]["reason"]
    assert state_on_host(guest) is VmState.OFF


@pytest.mark.parametrize("text", ["Grüße “<b>” & 'x'\nline two\t.", "", "\N{SNOWMAN}"])
def test_a_description_comes_back_as_it_was_sent(api_of, alice, guest, text):
    client = api_of(alice)
    assert client.patch(f"vms/{guest.pk}", {"description": text}).json()["description"] == text
    assert client.get(f"vms/{guest.pk}").json()["description"] == text


def test_a_guest_that_is_off_can_be_changed_and_the_host_has_it(api_of, alice, guest):
    client = api_of(alice)
    change = {"name": "renamed guest", "vcpus": 2, "memory_mib": 128}
    shown = client.patch(f"vms/{guest.pk}", change).json()
    assert {key: shown[key] for key in change} == change
    record = domains.get(hosts.connection(guest.host), str(guest.domain_uuid))
    assert record.name == "renamed guest"


@pytest.mark.parametrize("wrong", [{"description": "a\x07b"}, {"tags": ["a,b"]}, {"vcpus": 4096}])
def test_where_one_field_is_wrong_no_other_is_changed(api_of, alice, guest, wrong):
    fine = {"name": "renamed", "description": "new", "tags": ["new"]}
    response = api_of(alice).patch(f"vms/{guest.pk}", {**fine, **wrong})
    assert (response.status_code, list(problem_of(response)["fields"])) == (422, list(wrong))
    shown = api_of(alice).get(f"vms/{guest.pk}").json()
    assert (shown["name"], shown["description"], shown["tags"]) == (guest.name, "", [])


def test_a_running_guest_cannot_be_changed(api_of, alice, guest):
    client = api_of(alice)
    client.post(f"vms/{guest.pk}/actions/start")
    response = client.patch(f"vms/{guest.pk}", {"vcpus": 2})
    assert (response.status_code, problem_of(response)["code"]) == (409, "must-be-off")


def test_an_unknown_boot_device_is_refused_at_its_field(api_of, alice, guest):
    response = api_of(alice).patch(f"vms/{guest.pk}", {"boot": ["vdz"]})
    assert list(problem_of(response)["fields"]) == ["boot"]


def test_creating_answers_202_with_guest_and_job(api_of, alice, template):
    client = api_of(alice)
    response = client.post("vms", {"template_id": str(template.pk), "name": "mine"})
    assert response.status_code == 202, response.content
    body = response.json()
    assert (body["vm"]["name"], body["vm"]["is_creating"]) == ("mine", True)
    assert body["vm"]["owner"]["name"] == "alice"
    assert body["vm"]["template"] == {"id": str(template.pk), "name": "Plain"}
    assert body["job"]["kind"] == "create-vm"
    assert body["job"]["vm_id"] == body["vm"]["id"]
    found = client.get(response["Location"])
    assert found.json()["id"] == body["job"]["id"]


def test_a_name_that_the_owner_has_already_is_refused_and_another_owner_may_have_it(
    api_of, alice, bob, template
):
    body = {"template_id": str(template.pk), "name": "same"}
    assert api_of(alice).post("vms", body).status_code == 202
    assert list(problem_of(api_of(alice).post("vms", body))["fields"]) == ["name"]
    assert api_of(bob).post("vms", body).status_code == 202


def test_deleting_answers_202_with_the_job_and_a_second_time_409(api_of, alice, guest):
    client = api_of(alice)
    response = client.delete(f"vms/{guest.pk}")
    assert (response.status_code, response.json()["kind"]) == (202, "delete-vm")
    again = client.delete(f"vms/{guest.pk}")
    assert (again.status_code, problem_of(again)["code"]) == (409, "job-under-way")


def test_a_disk_that_cannot_be_deleted_is_named_and_nothing_is_done(api_of, alice, define_guest):
    guest = define_guest(alice, disks=(DiskSpec(path="/elsewhere/a.img"),))
    client = api_of(alice)
    disk = client.get(f"vms/{guest.pk}/disks").json()[0]
    assert (disk["path"], disk["can_delete"]) == ("/elsewhere/a.img", False)
    assert disk["reason"]
    response = client.delete(f"vms/{guest.pk}?delete_disk={disk['target']}&delete_disk=vdz")
    assert list(problem_of(response)["fields"]) == ["delete_disk"]
    assert not Job.objects.exists()


def test_a_console_ticket_opens_the_console_of_that_guest_once(api_of, alice, guest, has_displays):
    client = api_of(alice)
    off = client.post(f"vms/{guest.pk}/console")
    assert (off.status_code, problem_of(off)["code"]) == (409, "console-off")
    client.post(f"vms/{guest.pk}/actions/start")
    response = client.post(f"vms/{guest.pk}/console")
    assert response.status_code == 201, response.content
    ticket = response.json()
    assert ticket["url"] == f"ws://testserver/ws/console/{guest.pk}"
    binary, secret = ticket["protocols"]
    assert binary == "binary"
    grant = consoles.redeem(
        secret=secret.removeprefix("ticket."),
        vm_id=str(guest.pk),
        session_key="",
        user_id=None,
        has_trusted_origin=False,
        address="",
    )
    assert grant.is_token


def test_the_console_address_follows_the_public_url(api_of, alice, guest, settings, has_displays):
    settings.KVMWEB = settings.KVMWEB.model_copy(
        update={"public_urls": ["https://vm.example/kvm", "http://testserver/lab"]}
    )
    client = api_of(alice)
    client.post(f"vms/{guest.pk}/actions/start")
    path = f"ws/console/{guest.pk}"
    assert client.post(f"vms/{guest.pk}/console").json()["url"] == f"ws://testserver/lab/{path}"
    settings.KVMWEB = settings.KVMWEB.model_copy(update={"public_urls": ["https://vm.example/kvm"]})
    assert client.post(f"vms/{guest.pk}/console").json()["url"] == f"wss://vm.example/kvm/{path}"


def test_an_iso_goes_in_and_out(api_of, alice, guest, iso):
    client = api_of(alice)
    shown = client.put(f"vms/{guest.pk}/media", {"image_id": str(iso.pk)})
    assert shown.status_code == 200, shown.content
    assert iso.path in [disk["source"] for disk in shown.json()["disks"]]
    ejected = client.delete(f"vms/{guest.pk}/media").json()
    assert iso.path not in [disk["source"] for disk in ejected["disks"]]


def test_a_disk_image_is_no_medium_for_a_user(api_of, alice, guest, image):
    response = api_of(alice).put(f"vms/{guest.pk}/media", {"image_id": str(image.pk)})
    assert list(problem_of(response)["fields"]) == ["image_id"]


def test_the_administrator_gives_a_guest_an_owner_and_takes_him_away(api_of, admin, bob, guest):
    client = api_of(admin)
    given = client.put(f"vms/{guest.pk}/owner", {"owner_id": str(bob.pk)}).json()
    assert given["owner"]["name"] == "bob"
    assert client.put(f"vms/{guest.pk}/owner", {"owner_id": None}).json()["owner"] is None


def test_the_xml_is_what_the_host_says(api_of, alice, guest):
    response = api_of(alice).get(f"vms/{guest.pk}/xml")
    assert response["Content-Type"].startswith("application/xml")
    assert str(guest.domain_uuid) in response.content.decode()


def test_a_thumbnail_is_sent_once_and_then_304(api_of, alice, guest):
    client = api_of(alice)
    assert client.get(f"vms/{guest.pk}/thumbnail").status_code == 409
    client.post(f"vms/{guest.pk}/actions/start")
    picture = client.get(f"vms/{guest.pk}/thumbnail")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/webp")
    again = client.get(f"vms/{guest.pk}/thumbnail", **{"If-None-Match": picture["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_list_is_filtered_and_paged(api_of, admin, alice, define_guest):
    for name in ("alpha", "beta", "gamma"):
        define_guest(alice, name=name)
    define_guest(None, name="delta")
    VM.objects.exclude(name__in=("alpha", "beta", "gamma", "delta")).delete()
    client = api_of(admin)

    def names(query: str) -> list[str]:
        return [vm["name"] for vm in client.get(f"vms?{query}").json()["items"]]

    assert names("") == ["alpha", "beta", "delta", "gamma"]
    assert names("q=ET") == ["beta"]
    assert names("owner=alice") == names(f"owner={alice.pk}") == ["alpha", "beta", "gamma"]
    assert names("state=running") == []
    assert names("template=Plain") == []
    assert names("limit=2&offset=1") == ["beta", "delta"]
    assert client.get("vms?limit=2&offset=1").json()["total"] == 4


def make_rows(count: int, owner, host, template: Template) -> None:
    """Add guests as rows only; every second one has a job under way."""
    rows = [
        VM(
            host=host,
            name=f"row-{number}",
            owner=owner,
            template=template,
            domain_uuid=f"00000000-0000-4000-8000-{number:012}",
        )
        for number in range(count)
    ]
    VM.objects.bulk_create(rows)
    Job.objects.bulk_create(
        Job(kind="delete-vm", actor=owner, vm=row, vm_uuid=row.pk) for row in rows[::2]
    )


@pytest.mark.parametrize("path", ["vms", "jobs", "templates", "images"])
def test_a_list_makes_as_many_queries_for_1_as_for_200(
    api_of, admin, test_host, template, image, path
):
    client = api_of(admin)
    client.get(path)
    counts = []
    for count in (1, 20, 200):
        VM.objects.all().delete()
        Job.objects.all().delete()
        make_rows(count, admin, test_host, template)
        Template.objects.exclude(pk=template.pk).delete()
        Template.objects.bulk_create(
            Template(name=f"t{n}", host=test_host, image=image, pool_name="p", volume_name=f"v{n}")
            for n in range(count)
        )
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{path}?limit=1000").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] == counts[2], counts
    assert counts[0] <= 8


def test_a_list_asks_no_host(api_of, alice, guest, monkeypatch):
    from vms.hypervisor.connection import HostConnection

    def never(*_arguments: object, **_named: object) -> None:
        raise AssertionError("a list asked the host")

    with monkeypatch.context() as patch:
        patch.setattr(HostConnection, "call", never)
        for path in ("vms", f"vms/{guest.pk}", "templates", "hosts", "pools", "images", "jobs"):
            assert api_of(alice).get(path).status_code == 200
