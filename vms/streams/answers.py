"""Answers of raw HTTP callables: plain ones, and refusals as problem+json like those of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.utils import translation

from vms import messages
from vms.hypervisor.errors import HypervisorError
from vms.problems import Forbidden, Invalid, NotFound, Problem, TooMany
from vms.streams.callers import NotLetIn
from vms.streams.closing import Send

TITLES = {
    400: "Bad request",
    401: "Not logged in",
    403: "Forbidden",
    404: "Not found",
    409: "Conflict",
    422: "Unprocessable",
    503: "Unavailable",
}
Headers = Mapping[str, str]


async def answer(
    send: Send, status: int, headers: Headers | None = None, body: bytes = b""
) -> None:
    """Send a whole answer."""
    await begin(send, status, {"Content-Length": str(len(body)), **(headers or {})})
    await send({"type": "http.response.body", "body": body})


async def begin(send: Send, status: int, headers: Headers) -> None:
    """Send the head of an answer; nothing of these is for a cache or a guesser."""
    whole = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    whole |= {"Cross-Origin-Resource-Policy": "same-origin", **headers}
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in whole.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})


async def refuse(
    send: Send, error: Exception, headers: Headers | None = None, *, status: int = 0
) -> None:
    """Answer with the reason, as the API does."""
    code, detail = _words(error)
    status = status or status_of(error)
    document = {
        "type": f"urn:kvmweb:problem:{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if isinstance(error, Invalid):
        document["fields"] = {
            name: messages.sentence(problem) for name, problem in error.fields.items()
        }
    extra = {"Content-Type": "application/problem+json", **(headers or {})}
    extra["Content-Language"] = translation.get_language() or "en"
    if status == 401:
        extra["WWW-Authenticate"] = 'Bearer realm="kvmweb"'
    if isinstance(error, TooMany):
        extra["Retry-After"] = str(error.wait_s)
    await answer(send, status, extra, json.dumps(document).encode())


def status_of(error: Exception) -> int:
    """Return the status of a refusal or failure."""
    match error:
        case NotLetIn():
            return error.status
        case NotFound():
            return 404
        case Forbidden():
            return 403
        case Invalid():
            return 422
        case TooMany():
            return 429
        case Problem():
            return 409
        case HypervisorError():
            return 503 if error.retryable else 409
        case _:
            return 500


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, NotLetIn):
        return error.code, messages.sentence_for(error.code)
    if isinstance(error, Invalid):
        first = next(iter(error.fields.values()), error)
        return error.code, messages.sentence(first)
    if isinstance(error, (Problem, HypervisorError)):
        return error.code, messages.sentence(error)
    return "internal", messages.sentence_for("internal")
