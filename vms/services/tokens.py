"""Bearer tokens for scripts: shown once, kept as hashes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from vms import selectors
from vms.live import publish
from vms.models import ApiToken, TokenScope, User
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, Problem
from vms.services import audit
from vms.services.secrets import digest, new_secret

PREFIX = "kvmweb_"
MAX_NAME = 100
MAX_TOKENS = 100
_LAST_USED_STEP = timedelta(minutes=1)


def create(
    *,
    actor: Actor,
    user: User,
    name: str,
    expires_at: datetime | None = None,
    scope: str = TokenScope.ALL,
) -> tuple[ApiToken, str]:
    """Make a token that acts as `user`; the second value is shown once and kept nowhere.

    Raises Forbidden for anybody else but an administrator, Invalid (name, expires_at, scope).
    """
    _require_right(actor, user)
    errors = _errors(user, name, expires_at)
    if scope not in TokenScope.values:
        errors["scope"] = Problem("token-scope-unknown")
    if errors:
        raise Invalid(errors)
    secret = PREFIX + new_secret()
    target = audit.Target("user", str(user.pk), user.username)
    with audit.audited(audit.Trail(actor, "token.create", target, detail={"token": name})):
        token = ApiToken.objects.create(
            user=user,
            name=name,
            scope=scope,
            secret_hash=digest(secret),
            expires_at=expires_at,
        )
    return token, secret


def _require_right(actor: Actor, user: User) -> None:
    """Let in who makes or ends his own tokens, and who manages people."""
    himself = isinstance(actor, Person) and actor.user.pk == user.pk
    action = Action.ACCOUNT_EDIT if himself else Action.PEOPLE_MANAGE
    if not can(actor, action, user):
        raise Forbidden("forbidden", action=action.value)


def _errors(user: User, name: str, expires_at: datetime | None) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if not name.strip():
        errors["name"] = Problem("required")
    elif len(name) > MAX_NAME:
        errors["name"] = Problem("name-too-long", limit=MAX_NAME)
    elif user.tokens.filter(revoked_at=None).count() >= MAX_TOKENS:
        errors["name"] = Problem("too-many-tokens", limit=MAX_TOKENS)
    if expires_at is not None and expires_at <= timezone.now():
        errors["expires_at"] = Problem("token-expiry-past")
    return errors


def revoke(*, actor: Actor, token_id: selectors.Identifier) -> ApiToken:
    """End a token at once, with the sockets and consoles it opened. Raises NotFound, Forbidden."""
    token = selectors.token(actor, token_id)
    _require_right(actor, token.user)
    target = audit.Target("user", str(token.user_id), token.user.username)
    trail = audit.Trail(actor, "token.revoke", target, detail={"token": token.name})
    with transaction.atomic(), audit.audited(trail):
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        transaction.on_commit(lambda: publish.rights_changed(str(token.user_id)))
    return token


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
    return bool(living({str(token.pk)}))


def living(ids: Iterable[str]) -> frozenset[str]:
    """Return those of the tokens that still work, from the database."""
    wanted = [pk for pk in ids if pk]
    if not wanted:
        return frozenset()
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    rows = ApiToken.objects.filter(alive, pk__in=wanted, revoked_at=None, user__is_active=True)
    return frozenset(str(pk) for pk in rows.values_list("pk", flat=True))
