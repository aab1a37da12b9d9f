"""Who asks for bytes by HTTP: a bearer token, or the session of a browser on a page of ours.

What changes something is taken from a session only with the site's own Origin, which no other page
can send. Nothing here decides what that person may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import translation

from vms import languages
from vms.policy import Door, Person
from vms.services import tokens
from vms.streams import threads, visitors

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
BEARER = "bearer "


class NotLetIn(Exception):
    """Nobody whom we know, or not from a page of ours; `status` says which."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class Call:
    """What a request says, with header names in lower case."""

    method: str
    headers: Mapping[str, str]
    handshake: visitors.Handshake


def call_of(scope: Mapping[str, Any]) -> Call:  # Any: ASGI's own shape
    """Read the head of a request; a method override counts, as the tus protocol demands."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    method = str(scope["method"]).upper()
    if method == "POST":
        method = headers.get("x-http-method-override", method).upper()
    return Call(method, headers, visitors.handshake(scope))


async def admit(call: Call) -> Person:
    """Find who asks, and speak his language to him. Raises NotLetIn."""
    translation.activate(languages.asked(call.headers.get("accept-language", "")))
    person = await threads.read(person_of, call)
    languages.use(person.user.language)
    return person


def person_of(call: Call) -> Person:
    """Find who asks. Raises NotLetIn. Uses the database."""
    authorization = call.headers.get("authorization", "")
    address = call.handshake.address[:45]
    if authorization.lower().startswith(BEARER):
        token = tokens.authenticate(authorization[len(BEARER) :].strip())
        if token is None:
            raise NotLetIn(401, "unauthorized")
        return Person(token.user, Door.API, address, token=token)
    user = visitors.user_of(call.handshake.session_key)
    if user is None:
        raise NotLetIn(401, "unauthorized")
    if call.method not in SAFE and not call.handshake.has_trusted_origin:
        raise NotLetIn(403, "csrf")
    return Person(user, Door.WEB, address, session_key=call.handshake.session_key)


def is_still_there(person: Person) -> bool:
    """Say whether the token or session still lives. Uses the database."""
    if person.token is not None:
        return tokens.is_alive(person.token)
    user = visitors.user_of(person.session_key)
    return user is not None and user.pk == person.user.pk
