"""What every answer carries, and what a person must do before anything else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import translation

from vms import languages
from vms.messages import sentence_for
from vms.models import User
from vms.services import duties

API = "/api/"
GetResponse = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'{sockets}; font-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; manifest-src 'self'"
)
PERMISSIONS = ", ".join(
    [
        "camera=()",
        "geolocation=()",
        "microphone=()",
        "payment=()",
        "usb=()",
        "clipboard-read=(self)",
        "clipboard-write=(self)",
        "fullscreen=(self)",
        "keyboard-map=(self)",
    ]
)


class SecurityHeadersMiddleware:
    """Forbids pages to load, frame or run anything that is not the site's own.

    A view that sets one of these headers itself is left alone.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the headers."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_policy(request))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def content_policy(request: HttpRequest) -> str:
    """Return the policy; websockets are named because older browsers' 'self' leaves them out."""
    try:
        host = request.get_host()
    except DisallowedHost:
        return POLICY.format(sockets="")
    scheme = "wss" if request.is_secure() else "ws"
    # A view whose page talks to a console gateway names it, and it alone.
    more = getattr(request, "connect_source", "")
    return POLICY.format(sockets=f" {scheme}://{host} {more}".rstrip())


class LanguageMiddleware:
    """Answers in the language that the person chose in his account.

    Django's own LocaleMiddleware, further out, has put the browser's wish in its place by now, and
    writes Content-Language and Vary afterwards. A bearer token's owner is known later only: see
    vms/api/auth.py.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, in that language."""
        if not is_free(request) and isinstance(request.user, User):
            languages.use(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


_turns = [threading.Lock() for _each in range(1024)]


class TurnsMiddleware:
    """Lets edits of one address of the API come one after the other.

    Of two that name the same state in If-Match both would find it, and the second would undo what
    the first has done. One process serves a database, so that its own locks are enough. Who waits
    for somebody that waits for a host waits for a limited time.
    """

    EDITS = frozenset({"PUT", "PATCH", "DELETE"})
    WAIT_S = 15.0

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, after those who came before."""
        if request.method not in self.EDITS or not request.path_info.startswith(API):
            return self.get_response(request)
        turn = _turns[hash(request.path_info) % len(_turns)]
        if not turn.acquire(timeout=self.WAIT_S):
            return _problem("edit-under-way", HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "15"})
        try:
            return self.get_response(request)
        finally:
            turn.release()


class DutyMiddleware:
    """Lets somebody who must do something first do nothing else: change a one-time password, or
    set up the second factor that his role needs.

    Bearer tokens are untouched: they were made by somebody at the command line or with a password.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or send the person to what he must do."""
        duty = "" if is_free(request) else _duty(request)
        request.duty = duty  # type: ignore[attr-defined]  # read by the frame of the page
        if not duty or request.path in _free_paths(duty):
            return self.get_response(request)
        if request.path_info.startswith(API):
            return _refusal(duty)
        form = reverse(_PLACES[duty])
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(headers={"HX-Redirect": form})
        if "X-Kvmweb" in request.headers:  # a script that asks for a part must not get a page
            return HttpResponse(status=403)
        return HttpResponseRedirect(form)


_PLACES = {duties.PASSWORD: "account_change_password", duties.SECOND_FACTOR: "mfa_index"}
_ALWAYS_FREE = ("account_logout", "healthz")
_FREE = {
    duties.PASSWORD: ("account_change_password",),
    duties.SECOND_FACTOR: (
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "account_reauthenticate",
    ),
}
"""Pages that what must be done needs itself."""


def is_free(request: HttpRequest) -> bool:
    """Say whether the request may pass whoever makes it."""
    is_bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    if is_bearer and request.path_info.startswith(API):
        return True
    return request.path.startswith(settings.STATIC_URL)


def _duty(request: HttpRequest) -> str:
    return duties.first(request.user) if isinstance(request.user, User) else ""


def _free_paths(duty: str) -> set[str]:
    return {reverse(name) for name in (*_ALWAYS_FREE, *_FREE[duty])}


def _refusal(duty: str) -> JsonResponse:
    return _problem(duty, HTTPStatus.FORBIDDEN, {})


def _problem(code: str, status: HTTPStatus, headers: dict[str, str]) -> JsonResponse:
    problem = {
        "type": f"urn:kvmweb:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": sentence_for(code),
    }
    return JsonResponse(
        problem, status=status, headers=headers, content_type="application/problem+json"
    )
