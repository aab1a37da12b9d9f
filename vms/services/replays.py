"""Do a request that carries a key once: who sends it again gets the answer that was given.

Answers are kept sealed, for some hold a secret that is told once: the database alone does not tell.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from vms.models import Replay
from vms.policy import Person
from vms.problems import Invalid, Problem, Refused
from vms.services.secrets import seal, unseal

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(minutes=2)
"""After so long one that never ended was cut off with its process: it may be tried again."""
MAX_KEY = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answers: a status, a body as text, and where the result is."""

    status: int
    body: str
    location: str = ""


def once(*, actor: Person, key: str, fingerprint: str, do: Callable[[], Answer]) -> Answer:
    """Do it, or give the answer of the first time. What failed may be sent again with its key.

    Raises Invalid for a key that is none, Refused where the key belongs to another request or the
    first one is under way.
    """
    if not 0 < len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        raise Invalid({"Idempotency-Key": Problem("idempotency-key")})
    row = _claim(actor, key, fingerprint)
    if row is None:
        return _known(actor, key, fingerprint)
    try:
        answer = do()
    except BaseException:
        Replay.objects.filter(pk=row).delete()
        raise
    Replay.objects.filter(pk=row).update(
        status=answer.status, body=seal(answer.body), location=answer.location
    )
    return answer


def _claim(actor: Person, key: str, fingerprint: str) -> uuid.UUID | None:
    """Take the key; None where it is taken."""
    now = timezone.now()
    mine = Replay.objects.filter(user=actor.user, key=key)
    mine.filter(created_at__lt=now - KEPT).delete()
    mine.filter(status=None, created_at__lt=now - UNDER_WAY).delete()
    try:
        with transaction.atomic():
            return Replay.objects.create(user=actor.user, key=key, fingerprint=fingerprint).pk
    except IntegrityError:
        return None


def _known(actor: Person, key: str, fingerprint: str) -> Answer:
    row = Replay.objects.filter(user=actor.user, key=key).first()
    if row is not None and row.fingerprint != fingerprint:
        raise Refused("idempotency-other")
    if row is None or row.status is None:
        raise Refused("idempotency-under-way")
    body = unseal(row.body)
    if body is None:
        raise Refused("idempotency-other")
    return Answer(row.status, body, row.location)


def delete_old() -> int:
    """Forget answers that were kept long enough."""
    return Replay.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
