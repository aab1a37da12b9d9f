"""Errors of every kind as application/problem+json (RFC 9457): one shape, a code, a sentence.

The sentences of refusals and host errors come from vms/messages.py; those of HTTP stand here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.main import NinjaAPI

from vms import messages, problems
from vms.api.validation import field_sentences, is_about_path
from vms.hypervisor import errors as host_errors

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_PROBLEM_STATUS: dict[type[problems.Problem], int] = {
    problems.NotFound: 404,
    problems.Forbidden: 403,
    problems.Refused: 409,
    problems.Invalid: 422,
    problems.TooMany: 429,
}
_FIELDS = {
    "template": "template_id",
    "image": "image_id",
    "owner": "owner_id",
    "group": "group_id",
    "disks": "delete_disk",
    "heir": "heir_id",
    "entry": "entry_id",
}
"""Fields of services that have another name in the API."""
_HOST_STATUS: dict[type[host_errors.HypervisorError], int] = {
    host_errors.HostAway: 503,
    host_errors.HostBusy: 503,
    host_errors.HostTimeout: 504,
    host_errors.StorageSilent: 503,
    host_errors.OperationFailed: 502,
}


class DoorError(HttpError):
    """What this door itself refuses, before any service is asked."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        self.code = code
        super().__init__(status, sentence)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Make a problem+json answer."""
    body: dict[str, object] = {
        "type": f"urn:kvmweb:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if fields is not None:
        body["fields"] = dict(fields)
    text = json.dumps(body, ensure_ascii=False)
    return HttpResponse(text, status=status, content_type=CONTENT_TYPE, headers=headers)


def no_route(_request: HttpRequest, *_args: object, **_kwargs: object) -> HttpResponse:
    """Answer 404 for an address that is no route."""
    return problem(404, "no-route", _("There is nothing at this address."))


def not_allowed(allowed: str) -> HttpResponse:
    """Answer 405, naming the methods that the route knows."""
    detail = _("This address answers only to %(methods)s.") % {"methods": allowed}
    return problem(405, "method-not-allowed", detail, headers={"Allow": allowed})


def _on_problem(_request: HttpRequest, error: problems.Problem) -> HttpResponse:
    fields = None
    if isinstance(error, problems.Invalid):
        fields = {
            _FIELDS.get(name, name): messages.sentence(why) for name, why in error.fields.items()
        }
    status = _PROBLEM_STATUS.get(type(error), 409)
    wait = error.wait_s if isinstance(error, problems.TooMany) else 0
    headers = {"Retry-After": str(wait)} if wait else None
    return problem(status, error.code, messages.sentence(error), fields=fields, headers=headers)


def _on_host_error(_request: HttpRequest, error: host_errors.HypervisorError) -> HttpResponse:
    status = _HOST_STATUS.get(type(error), 409)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if error.retryable else None
    return problem(status, error.code, messages.sentence(error), headers=headers)


def _on_validation(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer 422, or the common 404 where the address itself holds no possible id."""
    if is_about_path(error.errors):
        return _on_problem(_request, problems.NotFound("thing"))
    fields = field_sentences(error.errors)
    return problem(422, "invalid", messages.sentence_for("invalid"), fields=fields)


def _on_anonymous(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    detail = _("Log in, or send a token as “Authorization: Bearer …”.")
    headers = {"WWW-Authenticate": 'Bearer realm="kvmweb"'}
    return problem(401, "not-authenticated", detail, headers=headers)


def _on_http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer for what this door refuses, and for what ninja does: a body that is no JSON."""
    if isinstance(error, DoorError):
        return problem(error.status_code, error.code, error.message)
    if error.status_code == 400:
        return problem(400, "bad-json", _("The body of the request is not valid JSON."))
    return problem(error.status_code, "http-error", str(error))


def _on_http404(request: HttpRequest, _error: Http404) -> HttpResponse:
    return no_route(request)


def _on_crash(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("api.crash", path=request.path, method=request.method, exc_info=error)
    return problem(500, "internal", messages.sentence_for("internal"))


_HANDLERS: dict[type[Exception], Any] = {  # Any: ninja's type also allows for bare classes
    problems.Problem: _on_problem,
    host_errors.HypervisorError: _on_host_error,
    ValidationError: _on_validation,
    AuthenticationError: _on_anonymous,
    HttpError: _on_http_error,
    Http404: _on_http404,
    Exception: _on_crash,
}


def register(api: NinjaAPI) -> None:
    """Make `api` answer every error in this form."""
    for kind, handler in _HANDLERS.items():
        api.add_exception_handler(kind, handler)
