"""Headers that keep scripts from doing harm: Idempotency-Key on creates, If-Match on edits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import Status
from pydantic import BaseModel

from vms.api import represent
from vms.api.auth import actor_of
from vms.api.errors import DoorError
from vms.api.schemas.jobs import JobInfo
from vms.models import Job
from vms.services import replays
from vms.services.replays import Answer

S = TypeVar("S", bound=BaseModel)


def _header(name: str, description: str) -> dict[str, Any]:  # Any: a piece of OpenAPI
    schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"}
    parameter = {
        "in": "header",
        "name": name,
        "required": False,
        "schema": schema,
        "description": description,
    }
    return {"parameters": [parameter]}


ONCE = _header("Idempotency-Key", "Sent again with the same key within a day it is done once.")
"""For `openapi_extra` of what is made with `once`."""
MATCH = _header("If-Match", "An ETag: nothing is done (412) where the thing is another by now.")
"""For `openapi_extra` of what asks `require_match`."""


def once(
    request: HttpRequest,
    response: HttpResponse,
    schema: type[S],
    make: Callable[[], tuple[int, S, str]],
) -> Status[S]:
    """Make something once for each Idempotency-Key; `make` gives status, body and location.

    Without the header it is made each time.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        status, body, location = make()
        _point(response, location)
        return Status(status, body)

    def do() -> Answer:
        status, body, location = make()
        return Answer(status, body.model_dump_json(), location)

    answer = replays.once(
        actor=actor_of(request), key=key, fingerprint=_fingerprint(request), do=do
    )
    _point(response, answer.location)
    return Status(answer.status, schema.model_validate_json(answer.body))


def once_a_job(
    request: HttpRequest, response: HttpResponse, start: Callable[[], Job]
) -> Status[JobInfo]:
    """Start a job once for each Idempotency-Key, and answer 202 with it."""

    def make() -> tuple[int, JobInfo, str]:
        job = start()
        return 202, represent.job(job), reverse("api:get_job", kwargs={"job_id": job.pk})

    return once(request, response, JobInfo, make)


def _point(response: HttpResponse, location: str) -> None:
    if location:
        response["Location"] = location


def _fingerprint(request: HttpRequest) -> str:
    """Hash what was asked; the body may hold a password, so only its hash is kept."""
    said = f"{request.method} {request.path}\n".encode() + request.body
    return hashlib.sha256(said).hexdigest()


def tag(revision: int) -> str:
    """Make the entity tag of a thing that counts its changes."""
    return f'"{revision}"'


def tag_of(*said: object) -> str:
    """Make the entity tag of a thing from what can be changed of it."""
    text = json.dumps([_plain(each) for each in said], default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def require_match(request: HttpRequest, current: Callable[[], str]) -> None:
    """Refuse with 412 where If-Match names other entity tags than the one of what is there.

    `current` makes that one, and is asked only by a request with the header.
    """
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    known = [part.strip().removeprefix("W/") for part in wanted.split(",")]
    if current() not in known:
        sentence = _("This was changed meanwhile. Read it again, then decide anew.")
        raise DoorError(412, "changed-meanwhile", sentence)
