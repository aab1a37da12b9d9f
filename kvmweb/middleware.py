"""What every answer carries, and what a person must do before anything else."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

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
    return POLICY.format(sockets=f" {scheme}://{host}")


class PasswordChangeMiddleware:
    """Lets somebody with a one-time password do nothing but change it.

    Bearer tokens are untouched: they were made by somebody at the command line or with a password.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or send the person to the form."""
        if is_free(request) or not getattr(request.user, "must_change_password", False):
            return self.get_response(request)
        if request.path_info.startswith(API):
            return _refusal()
        form = reverse("account_change_password")
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(headers={"HX-Redirect": form})
        if "X-Kvmweb" in request.headers:  # a script that asks for a part must not get a page
            return HttpResponse(status=403)
        return HttpResponseRedirect(form)


def is_free(request: HttpRequest) -> bool:
    """Say whether the request may pass whoever makes it."""
    is_bearer = request.headers.get("Authorization", "").lower().startswith("bearer ")
    if is_bearer and request.path_info.startswith(API):
        return True
    return request.path.startswith(settings.STATIC_URL) or request.path in _free_paths()


def _free_paths() -> set[str]:
    paths = set()
    for name in ("account_change_password", "account_logout", "healthz"):
        try:
            paths.add(reverse(name))
        except NoReverseMatch:
            continue
    return paths


def _refusal() -> JsonResponse:
    problem = {
        "type": "urn:kvmweb:problem:password-change-needed",
        "title": _("Forbidden"),
        "status": 403,
        "code": "password-change-needed",
        "detail": _("Change your one-time password first."),
    }
    return JsonResponse(problem, status=403, content_type="application/problem+json")
