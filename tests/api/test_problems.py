"""Every error is problem+json with a stable code and a sentence."""

from __future__ import annotations

import uuid

import pytest

from tests.api.conftest import problem_of
from vms.hypervisor import errors, registry
from vms.services import editing, power


def test_an_address_that_is_no_route_is_a_problem(api_of, alice):
    client = api_of(alice)
    for path in ("nothing", "vms/", "vms/x/y/z"):
        response = client.get(path)
        assert (response.status_code, problem_of(response)["code"]) == (404, "no-route"), path


def test_an_id_that_is_none_is_the_common_404(api_of, alice):
    client = api_of(alice)
    broken, missing = client.get("vms/x"), client.get(f"vms/{uuid.uuid4()}")
    assert broken.content == missing.content
    assert problem_of(broken)["code"] == "not-found"


def test_an_unknown_verb_is_404(api_of, alice, guest):
    assert api_of(alice).post(f"vms/{guest.pk}/actions/explode").status_code == 404


def test_a_method_that_the_route_does_not_know_is_405_with_the_ones_it_knows(api_of, alice):
    response = api_of(alice).request("DELETE", "vms")
    assert (response.status_code, response["Allow"]) == (405, "GET, POST")
    assert problem_of(response)["code"] == "method-not-allowed"


def test_power_by_get_is_405(api_of, alice, guest):
    assert api_of(alice).get(f"vms/{guest.pk}/actions/start").status_code == 405


def test_a_body_that_is_no_json_is_400(api_of, alice):
    client = api_of(alice)
    response = client.client.post(
        "/api/v1/vms",
        "{not json",
        content_type="application/json",
        headers={"Authorization": f"Bearer {client.secret}"},
    )
    assert (response.status_code, problem_of(response)["code"]) == (400, "bad-json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "template_id"),
        ({"template_id": "x"}, "template_id"),
        ({"template_id": str(uuid.uuid4()), "vcpus": "many"}, "vcpus"),
        ({"template_id": str(uuid.uuid4()), "vcpus": 0}, "vcpus"),
        ({"template_id": str(uuid.uuid4()), "vcpus": 2**70}, "vcpus"),
        ({"template_id": str(uuid.uuid4()), "memory_mb": 512}, "memory_mb"),
        ({"template_id": str(uuid.uuid4()), "ssh_keys": ["a", 5]}, "ssh_keys.1"),
        ({"template_id": str(uuid.uuid4()), "name": "x" * 2000}, "name"),
        ({"template_id": str(uuid.uuid4()), "is_started": "perhaps"}, "is_started"),
        ([], ""),
    ],
)
def test_wrong_input_is_422_with_a_sentence_at_the_field(api_of, alice, body, field):
    response = api_of(alice).post("vms", body)
    assert response.status_code == 422
    assert problem_of(response)["fields"][field].endswith(".")


def test_wrong_query_parameters_are_422_too(api_of, alice):
    client = api_of(alice)
    for query in ("limit=0", "limit=many", "offset=-1", "state=asleep-ish"):
        response = client.get(f"vms?{query}")
        assert response.status_code == 422, query
        assert list(problem_of(response)["fields"]) == [query.split("=")[0]]


def test_what_a_service_finds_wrong_is_422_under_the_names_of_the_api(api_of, alice, template):
    client = api_of(alice)
    body = {"template_id": str(template.pk), "name": "a/b", "vcpus": 10_000, "password": "secret12"}
    fields = problem_of(client.post("vms", body))["fields"]
    assert set(fields) == {"name", "vcpus", "password"}
    missing = problem_of(client.post("vms", {"template_id": str(uuid.uuid4())}))
    assert list(missing["fields"]) == ["template_id"]


def test_a_password_is_in_no_answer(api_of, alice, template):
    body = {"template_id": str(template.pk), "password": "swordfish", "vcpus": 0}
    assert b"swordfish" not in api_of(alice).post("vms", body).content


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (errors.HostAway(reason="x"), 503, True),
        (errors.HostBusy(), 503, True),
        (errors.HostTimeout(timeout_s=10), 504, True),
        (errors.OperationFailed(detail="x"), 502, False),
        (errors.WrongState(detail="x"), 409, False),
    ],
)
def test_host_errors_have_their_status_and_say_when_to_retry(
    api_of, alice, guest, monkeypatch, error, status, retry
):
    def fail(**_arguments: object) -> None:
        raise error

    monkeypatch.setattr(power, "perform", fail)
    response = api_of(alice).post(f"vms/{guest.pk}/actions/start")
    assert (response.status_code, response.has_header("Retry-After")) == (status, retry)
    assert problem_of(response)["code"] == error.code


def test_a_host_that_is_away_is_503_and_the_guest_is_still_listed(api_of, alice, guest, test_host):
    registry.forget(str(test_host.pk))
    test_host.uri = "qemu+unix:///system?socket=/nowhere/libvirt-sock"
    test_host.save()
    client = api_of(alice)
    response = client.post(f"vms/{guest.pk}/actions/start")
    assert (response.status_code, problem_of(response)["code"]) == (503, "host-away")
    assert response["Retry-After"]
    assert client.get("vms").json()["total"] == 1
    test_host.uri = "test:///default"
    test_host.save()


def test_a_crash_is_a_500_that_tells_nothing(api_of, alice, guest, monkeypatch):
    def crash(**_arguments: object) -> None:
        raise RuntimeError("a secret path /etc/shadow")

    monkeypatch.setattr(editing, "details", crash)
    response = api_of(alice).get(f"vms/{guest.pk}")
    assert (response.status_code, problem_of(response)["code"]) == (500, "internal")
    assert b"shadow" not in response.content
