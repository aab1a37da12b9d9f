"""Clients of the API, and guests of libvirt's test driver as rows of the standard cast."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from vms.hypervisor import domains, storage
from vms.hypervisor.blueprint import Blueprint, CloudPlan, as_json
from vms.hypervisor.types import Accelerator, DiskSpec, VmMetadata, VmSpec
from vms.models import VM, Host, Job, Recording, Template, TemplateGrant, User, Volume
from vms.policy import SystemActor
from vms.services import hosts, survey, sync, tokens

API = "/api/v1"
POOL = "default-pool"
"""The one pool that the test driver has from the start."""

DefineGuest = Callable[..., VM]


@dataclass(frozen=True)
class ApiClient:
    """A client that speaks JSON with the bearer token of one user."""

    client: Client
    secret: str

    def request(self, method: str, path: str, body: object = None, **headers: str) -> HttpResponse:
        data = b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method,
            path if path.startswith("/") else f"{API}/{path}",
            data,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}", **headers},
        )

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: object = None) -> HttpResponse:
        return self.request("POST", path, body)

    def patch(self, path: str, body: object) -> HttpResponse:
        return self.request("PATCH", path, body)

    def put(self, path: str, body: object) -> HttpResponse:
        return self.request("PUT", path, body)

    def delete(self, path: str) -> HttpResponse:
        return self.request("DELETE", path)


@pytest.fixture
def api_of() -> Callable[[User], ApiClient]:
    """Give a client with a fresh token of a user."""

    def make(user: User) -> ApiClient:
        _token, secret = tokens.create(actor=SystemActor(), user=user, name="test")
        return ApiClient(Client(), secret)

    return make


@pytest.fixture
def define_guest(test_host: Host) -> Iterator[DefineGuest]:
    """Define guests on the test driver; they are gone afterwards."""
    made = []

    def define(owner: User | None, *, name: str = "", disks: tuple[DiskSpec, ...] = ()) -> VM:
        pk = str(uuid.uuid4())
        spec = VmSpec(
            uuid=pk,
            name=name or f"api-{pk[:8]}",
            vcpus=1,
            memory_mib=64,
            accelerator=Accelerator.TEST,
            disks=disks,
            nics=(),
            metadata=VmMetadata(),
            arch="i686",
        )
        made.append(pk)
        sync.observe_domain(test_host, domains.define(hosts.connection(test_host), spec))
        vm = VM.objects.get(host=test_host, domain_uuid=pk)
        vm.owner = owner
        vm.save(update_fields=["owner"])
        return vm

    yield define
    link = hosts.connection(test_host)
    for pk in made:
        domains.destroy_if_active(link, pk)
        domains.undefine(link, pk)


@pytest.fixture
def has_displays(test_host: Host) -> None:
    """Let the host claim that displays can be opened, which the test driver cannot."""
    test_host.facts = {**test_host.facts, "can_graphics_fd": True}
    test_host.save(update_fields=["facts"])


@pytest.fixture
def guest(define_guest: DefineGuest, alice: User) -> VM:
    """A guest of alice, off."""
    return define_guest(alice)


@pytest.fixture
def image(test_host: Host) -> Iterator[Volume]:
    """A disk image in the pool of the test driver."""
    link, name = hosts.connection(test_host), f"api-{uuid.uuid4().hex[:8]}.img"
    storage.create_volume(link, pool=POOL, name=name, format="raw", capacity_bytes=1 << 30)
    survey.storage_of(test_host)
    yield Volume.objects.get(pool__host=test_host, name=name)
    storage.delete_volume(link, pool=POOL, name=name)


@pytest.fixture
def iso(image: Volume) -> Volume:
    """An ISO as last seen in the same pool; the test driver knows no formats, so only a row."""
    return Volume.objects.create(
        pool=image.pool, name="a.iso", path=f"{image.path}.iso", format="iso", capacity_bytes=1024
    )


@pytest.fixture
def template(image: Volume) -> Template:
    """A template of that image, without cloud-init: the test driver takes no uploads."""
    row = Template.objects.create(
        name="Plain",
        host=image.pool.host,
        image=image,
        pool_name=image.pool.name,
        volume_name=image.name,
        blueprint=as_json(Blueprint(memory_mib=64, cloud=CloudPlan(is_read=False))),
    )
    TemplateGrant.objects.create(template=row, is_for_all=True)
    return row


@pytest.fixture
def job(guest: VM) -> Job:
    """An ended job about alice's guest."""
    return Job.objects.create(
        kind="create-vm",
        state="failed",
        actor=guest.owner,
        vm=guest,
        vm_uuid=guest.pk,
        target_name=guest.name,
        error_code="no-space",
        error_params={"name": POOL},
    )


@pytest.fixture
def recording(guest: VM) -> Recording:
    """A recording of alice's guest that has ended."""
    return Recording.objects.create(vm=guest, vm_name=guest.name, kind="vnc", state="ended")


def problem_of(response: HttpResponse) -> dict[str, Any]:
    """Read a problem and check that it has the one shape."""
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert set(body) - {"fields"} == {"type", "title", "status", "code", "detail"}
    assert body["status"] == response.status_code
    assert body["type"] == f"urn:kvmweb:problem:{body['code']}"
    assert body["detail"]
    return body
