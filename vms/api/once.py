"""Headers that keep scripts from doing harm: Idempotency-Key on creates, If-Match on edits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Status
from pydantic import BaseModel

from vms.api.auth import actor_of
from vms.api.errors import DoorError
from vms.services import replays
from vms.services.replays import Answer

S = TypeVar("S", bound=BaseModel)


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
        response["Location"] = location
        return Status(status, body)

    def do() -> Answer:
        status, body, location = make()
        return Answer(status, body.model_dump_json(), location)

    answer = replays.once(
        actor=actor_of(request), key=key, fingerprint=_fingerprint(request), do=do
    )
    response["Location"] = answer.location
    return Status(answer.status, schema.model_validate_json(answer.body))


def _fingerprint(request: HttpRequest) -> str:
    """Hash what was asked; the body may hold a password, so only its hash is kept."""
    said = f"{request.method} {request.path}\n".encode() + request.body
    return hashlib.sha256(said).hexdigest()


def tag(revision: int) -> str:
    """Make the entity tag of a revision."""
    return f'"{revision}"'


def require_match(request: HttpRequest, revision: int) -> None:
    """Refuse with 412 where If-Match names another revision than the one that is there."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    known = [part.strip().removeprefix("W/") for part in wanted.split(",")]
    if tag(revision) not in known:
        sentence = _("This was changed meanwhile. Read it again, then decide anew.")
        raise DoorError(412, "changed-meanwhile", sentence)
