"""Who is at the other end of a stream: what its request says, and whose session it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from vms.models import User
from vms.services import duties, links
from vms.streams import origins

Scope = Mapping[str, Any]  # Any: ASGI's own shape


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the request of a websocket, or of bytes by HTTP, says."""

    address: str
    session_key: str = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    has_trusted_origin: bool
    subprotocols: tuple[str, ...] = field(repr=False)


def handshake(scope: Scope) -> Handshake:
    """Read the request of a websocket, or of bytes by HTTP."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    client = scope.get("client")
    cookies = parse_cookie(headers.get("cookie", ""))
    return Handshake(
        address=str(client[0]) if client else "",
        session_key=cookies.get(settings.SESSION_COOKIE_NAME, ""),
        cookies=cookies,
        has_trusted_origin=origins.is_trusted(
            headers.get("origin", ""),
            scheme="https" if scope.get("scheme") in ("wss", "https") else "http",
            host=headers.get("host", ""),
            allowed_hosts=settings.ALLOWED_HOSTS,
            public_origins=settings.KVMWEB.public_origins,
        ),
        subprotocols=tuple(scope.get("subprotocols") or ()),
    )


def visits_of(handshake: Handshake) -> frozenset[str]:
    """Return the visits by links to consoles that this browser is on."""
    return links.visits_in(handshake.cookies)


def user_of(session_key: str) -> User | None:
    """Return the active user who is logged in with that session and has nothing to do first.

    Uses the database.
    """
    if not session_key:
        return None
    request = HttpRequest()
    request.session = _store(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not user.is_active or duties.first(user):
        return None
    return user


def absence(user: User) -> str:
    """Say why somebody is not logged in any more: deactivated or logged-out. Uses the database."""
    is_active = User.objects.filter(pk=user.pk, is_active=True).exists()
    return "logged-out" if is_active else "deactivated"


def _store(session_key: str) -> Any:  # Any: the session class is a setting
    return import_module(settings.SESSION_ENGINE).SessionStore(session_key)
