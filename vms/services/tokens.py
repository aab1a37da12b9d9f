"""Bearer tokens for scripts: shown once, kept as hashes."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from vms.models import ApiToken, User
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, Problem
from vms.services import audit
from vms.services.secrets import digest, new_secret

PREFIX = "kvmweb_"
_LAST_USED_STEP = timedelta(minutes=1)


def create(*, actor: Actor, user: User, name: str) -> tuple[ApiToken, str]:
    """Make a token that acts as `user`; the second value is shown once and kept nowhere."""
    himself = isinstance(actor, Person) and actor.user.pk == user.pk
    if not himself and not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)
    if not name.strip() or len(name) > 100:
        raise Invalid(
            {
                "name": Problem("required")
                if not name.strip()
                else Problem("name-too-long", limit=100)
            }
        )
    secret = PREFIX + new_secret()
    target = audit.Target("user", str(user.pk), user.username)
    with audit.audited(audit.Trail(actor, "token.create", target, detail={"token": name})):
        token = ApiToken.objects.create(user=user, name=name, secret_hash=digest(secret))
    return token, secret


def authenticate(secret: str) -> ApiToken | None:
    """Find the token of a secret: not revoked, not expired, of an active person; notes its use."""
    now = timezone.now()
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    token = (
        ApiToken.objects.select_related("user")
        .filter(alive, secret_hash=digest(secret), revoked_at=None, user__is_active=True)
        .first()
    )
    if token and (token.last_used_at is None or now - token.last_used_at > _LAST_USED_STEP):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def is_alive(token: ApiToken) -> bool:
    """Say whether the token still works, from the database."""
    now = timezone.now()
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    return ApiToken.objects.filter(
        alive, pk=token.pk, revoked_at=None, user__is_active=True
    ).exists()
