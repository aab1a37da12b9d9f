"""What gateways ask over HTTP: with their own credential, which opens nothing else."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client

from tests.api.conftest import problem_of
from vms.models import VM
from vms.policy import Person, SystemActor
from vms.services import consoles, gateways, tokens

CONSOLES = "/api/v1/gateway/consoles"


@pytest.fixture
def guest(define_guest, alice, test_host) -> VM:
    test_host.console_gateway_url = "https://node1:6080"
    test_host.save()
    vm = define_guest(alice)
    VM.objects.filter(pk=vm.pk).update(state="running", has_vnc=True)
    return vm


@pytest.fixture
def gateway(test_host):
    """gateway(path, body) asks as a gateway of the host; gateway(..., secret="") as another."""
    _row, secret = gateways.create(actor=SystemActor(), host_name=test_host.name, name="gw")

    def post(path: str, body: dict, secret: str = secret):
        headers = {"Authorization": f"Bearer {secret}"}
        data = json.dumps(body)
        return Client().post(path, data, content_type="application/json", headers=headers)

    post.secret = secret
    return post


def redemption(guest: VM, alice) -> dict:
    token, _secret = tokens.create(actor=SystemActor(), user=alice, name="t")
    issued = consoles.issue_ticket(actor=Person(alice, token=token), vm_id=guest.pk)
    return {
        "ticket": issued.secret,
        "vm_id": str(guest.pk),
        "has_trusted_origin": False,
        "address": "10.0.0.1",
    }


def test_a_console_from_its_ticket_to_its_end(gateway, guest, alice) -> None:
    wanted = redemption(guest, alice)
    got = gateway(CONSOLES, wanted).json()
    assert got["domain_uuid"] == str(guest.domain_uuid)
    assert got["has_control"] is True
    assert gateway(CONSOLES, wanted).status_code == 403
    numbers = {"bytes_in": 1, "bytes_out": 2}
    path = f"{CONSOLES}/{got['id']}"
    answer = gateway(path, {**numbers, "idle_s": 1.5, "said": ["{}"]}).json()
    assert (answer["end"], answer["has_control"]) == ("", True)
    VM.objects.update(owner=None)
    assert gateway(path, numbers).json()["end"] == "revoked"
    assert gateway(f"{path}/closed", {**numbers, "reason": "revoked"}).status_code == 200
    assert gateway(path, numbers).status_code == 404


def test_every_refusal_looks_the_same_but_for_its_code(gateway, guest, alice) -> None:
    wanted = redemption(guest, alice)
    for wrong in ({"ticket": "guessed"}, {"vm_id": str(uuid.uuid4())}):
        answer = gateway(CONSOLES, {**wanted, **wrong})
        assert (answer.status_code, problem_of(answer)["code"]) == (403, "ticket-invalid")


def test_no_token_of_a_person_is_a_gateways_and_no_gateways_a_persons(
    gateway, guest, alice, admin, mallory
) -> None:
    wanted = redemption(guest, alice)
    for user in (alice, admin, mallory):
        _token, secret = tokens.create(actor=SystemActor(), user=user, name="x")
        assert gateway(CONSOLES, wanted, secret=secret).status_code == 401
    assert gateway(CONSOLES, wanted, secret="").status_code == 401
    headers = {"Authorization": f"Bearer {gateway.secret}"}
    for path in ("vms", "me", "hosts", "recordings"):
        assert Client().get(f"/api/v1/{path}", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"reason": "<script>"}, {"bytes_in": -1}, {"bytes_out": 2**63}, {"more": 1}]
)
def test_reports_are_checked(gateway, wrong) -> None:
    body = {"bytes_in": 0, "bytes_out": 0, "reason": "x", **wrong}
    assert gateway(f"{CONSOLES}/{uuid.uuid4()}/closed", body).status_code == 422


def test_the_host_says_which_way_its_consoles_take(api_of, admin, alice, test_host) -> None:
    path = f"hosts/{test_host.pk}/consoles"
    client = api_of(admin)
    body = {"console_gateway_url": "https://node1.example.org:6080/"}
    assert client.put(path, body).json() == {
        "console_gateway_url": "https://node1.example.org:6080"
    }
    assert client.get(path).json()["console_gateway_url"].endswith(":6080")
    wrong = client.put(path, {"console_gateway_url": "node1"})
    assert list(problem_of(wrong)["fields"]) == ["console_gateway_url"]
    assert api_of(alice).put(path, body).status_code == 404
