"""Who is asking: the actor of a browser's request."""

from __future__ import annotations

from django.http import HttpRequest

from vms.models import User
from vms.policy import Door, Person


def person(request: HttpRequest) -> Person:
    """Make the actor of a request whose user has logged in; raises TypeError for any other."""
    user = request.user
    if not isinstance(user, User):
        msg = "an anonymous request has no person"
        raise TypeError(msg)
    return Person(
        user=user,
        door=Door.WEB,
        address=str(request.META.get("REMOTE_ADDR") or ""),
        session_key=request.session.session_key or "",
    )
