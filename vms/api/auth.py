"""Who is asking: a bearer token, or the session of the browser with a CSRF token.

Both give a `policy.Person`; nothing here decides what that person may do.
"""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from vms import languages
from vms.api.errors import DoorError
from vms.messages import sentence_for
from vms.models import User
from vms.policy import Door, Person
from vms.services import duties, limits, tokens


def actor_of(request: HttpRequest) -> Person:
    """Return the person that authentication found for this request."""
    return cast(Person, request.auth)  # type: ignore[attr-defined]  # set by ninja


class BearerToken(HttpBearer):
    """`Authorization: Bearer <token>`; a wrong one is refused even where a session would do."""

    openapi_description = "A token made under “My account”, or by `manage.py create_token USER`."

    def authenticate(self, request: HttpRequest, token: str) -> Person:
        """Find the token's owner.

        Raises AuthenticationError when the token is not valid, TooMany when that was tried often.
        """
        found = tokens.authenticate(token)
        if found is None:
            limits.spend(limits.BAD_TOKENS, _address(request))
            raise AuthenticationError
        languages.use(found.user.language)
        return Person(user=found.user, door=Door.API, address=_address(request), token=found)


class Session(APIKeyCookie):
    """The session cookie of the site; anything but reading needs the header X-CSRFToken."""

    param_name: str = settings.SESSION_COOKIE_NAME
    openapi_description = (
        "The session of the site. Requests that change something send the value of the cookie "
        "kvmweb_csrf as the header X-CSRFToken."
    )

    def _get_key(self, request: HttpRequest) -> str | None:
        """Leave the CSRF check for `authenticate`: an anonymous request is a 401, not a 403."""
        return request.COOKIES.get(self.param_name)

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        """Find who is logged in.

        Raises DoorError without a CSRF token, or before what must be done first was done.
        """
        user = request.user
        if not isinstance(user, User):
            return None
        if check_csrf(request) is not None:
            raise DoorError(403, "csrf", _("The header X-CSRFToken is missing or wrong."))
        if duty := duties.first(user):
            raise DoorError(403, duty, sentence_for(duty))
        session_key = request.session.session_key or ""
        return Person(user, door=Door.API, address=_address(request), session_key=session_key)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")[:45]
