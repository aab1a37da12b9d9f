"""The decorator around every view of ours: login, the actor, and problems turned into answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.contrib import messages as notes
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.defaults import permission_denied
from django_htmx.http import trigger_client_event

from vms import messages
from vms.hypervisor.errors import HypervisorError
from vms.policy import Person
from vms.problems import Forbidden, Invalid, NotFound, Problem, TooMany
from vms.web.person import person

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Person, P], HttpResponseBase]
Wrapped = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def door(view: View[P]) -> Wrapped[P]:
    """Let only those in who logged in, hand the view its actor, and answer its problems."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response: HttpResponseBase
        if not request.user.is_authenticated:
            return _ask_to_log_in(request)
        try:
            response = view(request, person(request), *args, **kwargs)
        except NotFound as problem:
            raise Http404(messages.sentence(problem)) from None
        except Forbidden as problem:
            # Not raised: Django would write a traceback for everybody who knocks.
            response = permission_denied(request, PermissionDenied(messages.sentence(problem)))
        except (Problem, HypervisorError) as problem:
            response = _answer(request, problem)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return wrapped  # type: ignore[return-value]  # functools.wraps names the parameters


def is_partial(request: HttpRequest) -> bool:
    """Say whether a script of ours asks, which wants an event or a fragment, not a page."""
    return "HX-Request" in request.headers or "X-Kvmweb" in request.headers


def _ask_to_log_in(request: HttpRequest) -> HttpResponse:
    if not is_partial(request):
        return redirect_to_login(request.get_full_path())
    response = HttpResponse(status=401)
    response["HX-Redirect"] = reverse("account_login")
    return response


def toast(response: HttpResponse, text: str, level: str = "success") -> HttpResponse:
    """Let the page show a short note; `level` is success, warning or error."""
    return trigger_client_event(response, "kvmweb:toast", {"text": text, "level": level})


def done(request: HttpRequest, text: str, url: str, level: str = "success") -> HttpResponse:
    """Say that something was done: a toast where a script asked, else a note on the next page."""
    if is_partial(request):
        return toast(HttpResponse(status=204), text, level)
    notes.add_message(request, getattr(notes, level.upper()), text)
    return redirect(back(request, url))


def back(request: HttpRequest, url: str) -> str:
    """Return the page that the form named in `next`, if it is one of this site, else `url`."""
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and is_ours else url


def problem_text(problem: Problem | HypervisorError) -> str:
    """Make the sentence of a problem; of wrong input, that of its first field."""
    if isinstance(problem, Invalid):
        return messages.sentence(next(iter(problem.fields.values()), problem))
    return messages.sentence(problem)


def _answer(request: HttpRequest, problem: Problem | HypervisorError) -> HttpResponse:
    text = problem_text(problem)
    if isinstance(problem, TooMany) and not is_partial(request):
        return too_many(request, problem.wait_s)
    status = _status(problem)
    if is_partial(request):
        return toast(HttpResponse(text, status=status, content_type="text/plain"), text, "error")
    if request.method == "POST" and (url := _referer(request)):
        notes.error(request, text)
        return redirect(url)
    return render(request, "problem.html", {"sentence": text}, status=status)


def _status(problem: Problem | HypervisorError) -> int:
    if isinstance(problem, TooMany):
        return 429
    return 503 if isinstance(problem, HypervisorError) and problem.retryable else 409


def too_many(request: HttpRequest, wait_s: int = 60) -> HttpResponse:
    """Answer somebody who asked too often: a page that says how long to wait."""
    minutes = -(-wait_s // 60)
    response = render(request, "429.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = str(wait_s)
    return response


def _referer(request: HttpRequest) -> str:
    """Return the page of ours that the form stood on, or ""."""
    url = request.POST.get("next") or request.headers.get("Referer", "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure()):
        return url
    return ""
