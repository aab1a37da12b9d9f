"""Generated requests, right and wrong ones, against the committed OpenAPI document: each answer is
one that stands there.

schemathesis makes the requests and judges the answers. What flows (uploads, downloads, files of
recordings) is in no OpenAPI document; tests/streams/ has it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from tests.api.test_openapi import SNAPSHOT
from vms.hypervisor import pools
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.models import ConsoleLink, Group, Membership, Pool, Share
from vms.services import hosts, survey

EXAMPLES = 4
"""Right requests, and as many wrong ones, of each operation and person; always the same."""
LEFT_OUT: dict[str, str] = {}
"""Operations that cannot be tried so, each with its reason."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
DOCUMENT = json.loads(SNAPSHOT.read_text())
TAGS = sorted({each["tags"][0] for path in DOCUMENT["paths"].values() for each in path.values()})
CONFIG = {
    "generation": {"with-security-parameters": False},
    "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}},
}
once_each = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class World:
    """Who asks, and what stands for each part of a path."""

    secrets: dict[str, str]
    things: dict[str, str]


@pytest.fixture(scope="module")
def schema() -> Iterator[OpenApiSchema]:
    """The document, with the site behind it; the connection of the test outlives a request."""
    found = schemathesis.openapi.from_dict(
        json.loads(SNAPSHOT.read_text()), config=SchemathesisConfig.from_dict(CONFIG)
    )
    found.app = WSGIHandler()
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield found
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(admin, alice, bob, api_of, guest, template, image, job, recording, pool) -> World:
    """Alice has one of each thing, and shares with bob."""
    group = Group.objects.create(name="Team")
    Membership.objects.create(group=group, user=alice, is_manager=True)
    Membership.objects.create(group=group, user=bob)
    link = ConsoleLink.objects.create(
        vm=guest,
        made_by=alice,
        name="l",
        secret_hash="x",
        kind="vnc",
        mode="view",
        expires_at=timezone.now() + timedelta(days=1),
    )
    things = {
        "vm_id": guest.pk,
        "host_id": guest.host_id,
        "pool_id": pool.pk,
        "image_id": image.pk,
        "volume_id": image.pk,
        "template_id": template.pk,
        "group_id": group.pk,
        "user_id": bob.pk,
        "share_id": Share.objects.create(vm=guest, user=bob, role="viewer").pk,
        "job_id": job.pk,
        "recording_id": recording.pk,
        "link_id": link.pk,
    }
    secrets = {"administrator": api_of(admin).secret, "user": api_of(alice).secret}
    return World(secrets, {name: str(value) for name, value in things.items()})


@pytest.fixture
def pool(test_host) -> Pool:
    """A pool that may be stopped and deleted; the driver's own must stay for other tests."""
    name = f"contract-{uuid.uuid4().hex[:6]}"
    pools.define(
        hosts.connection(test_host), PoolSpec(name=name, kind=PoolKind.DIR, path=f"/{name}")
    )
    survey.storage_of(test_host)
    return Pool.objects.get(host=test_host, name=name)


@pytest.mark.parametrize("role", ["administrator", "user"])
@pytest.mark.parametrize("tag", TAGS)
def test_whatever_is_sent_the_answer_stands_in_the_contract(schema, world, role, tag):
    wrong = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.tags[0] == tag and operation.label not in LEFT_OUT:
            for mode in GenerationMode:
                wrong += _tried(operation, mode, world, role)
    assert not wrong, "\n".join(wrong)


def _tried(operation: APIOperation, mode: GenerationMode, world: World, role: str) -> list[str]:
    """Send some requests, each to the same world, and say what was wrong with the answers."""
    wrong = []

    @once_each
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Case) -> None:
        _aim(case, world)
        with transaction.atomic():
            headers = {"Authorization": f"Bearer {world.secrets[role]}"}
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            wrong.append(f"{operation.label}, {mode}\n{failure}")

    try:
        attempt()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label  # nothing about it can be wrong
    return wrong


def _aim(case: Case, world: World) -> None:
    """Put things that exist into the path, unless the path is what is wrong.

    An invented ETag would end every edit at once: tests/api/test_edits.py has the true ones.
    """
    if _is_right(case, ParameterLocation.HEADER):
        (case.headers or {}).pop("If-Match", None)
    if _is_right(case, ParameterLocation.PATH):
        for name in case.path_parameters or ():
            if name in world.things:
                case.path_parameters[name] = world.things[name]


def _is_right(case: Case, place: ParameterLocation) -> bool:
    part = case.meta.components.get(place) if case.meta else None
    return part is None or part.mode is GenerationMode.POSITIVE
