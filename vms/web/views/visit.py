"""The page of somebody who comes by a link: one console, no account, and nothing else.

The page itself is the same for everybody and says nothing of any guest; what stands in its
fragment is posted by its script. Nobody's session is looked at here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe

from vms import messages
from vms.problems import NotFound, Problem
from vms.services import consoles, links, seats
from vms.web.consolepage import keys_context

STATUS = {"too-many-tries": 429, "link-passphrase": 403, "link-passphrase-wrong": 403}
View = Callable[..., HttpResponse]


def _private(view: View) -> View:
    """Keep answers out of caches, Referers and search engines; problems become JSON."""

    @wraps(view)
    def wrapped(request: HttpRequest, **arguments: Any) -> HttpResponse:  # Any: of the address
        try:
            response = view(request, **arguments)
        except Problem as problem:
            status = 404 if isinstance(problem, NotFound) else STATUS.get(problem.code, 409)
            answer = {"code": problem.code, "detail": messages.sentence(problem)}
            response = JsonResponse(answer, status=status)
        add_never_cache_headers(response)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return wrapped


@require_safe
@_private
def page(request: HttpRequest) -> HttpResponse:
    """Show the page, the same for every link; on a visit it may connect to the link's gateway."""
    sources = " ".join(links.gateways_in(request.COOKIES))
    request.connect_source = sources  # type: ignore[attr-defined]  # kvmweb/middleware.py
    return render(request, "visit/page.html", {**keys_context(), "sources": sources})


@require_POST
@_private
def enter(request: HttpRequest) -> HttpResponse:
    """Open a link with its secret: what console it is, and a cookie for the visit."""
    visit = links.open_link(
        secret=request.POST.get("secret", ""),
        passphrase=request.POST.get("passphrase", ""),
        address=_address(request),
        cookies=request.COOKIES,
    )
    link = visit.guest.link
    url = link.vm.host.console_gateway_url
    response = JsonResponse(
        {
            "name": link.vm.name,
            "kind": link.kind,
            "device": str(link.device),
            "mode": link.mode,
            "source": consoles.socket_origin(url) if url else "",
            "ticket_url": reverse("visit-ticket", args=[link.pk]),
        }
    )
    response.set_cookie(
        visit.cookie,
        visit.value,
        expires=link.expires_at,
        path=get_script_prefix(),
        secure=request.is_secure() or bool(settings.SESSION_COOKIE_SECURE),
        httponly=True,
        samesite="Strict",
    )
    return response


@require_POST
@_private
def ticket(request: HttpRequest, link_id: uuid.UUID) -> HttpResponse:
    """Issue a ticket for the link's console to the browser that is on a visit."""
    visit = links.visitor(link_id=str(link_id), cookies=request.COOKIES, address=_address(request))
    issued = consoles.issue_link_ticket(
        actor=visit.guest, visit=visit.key, claims=request.POST.get("claims", "1") != "0"
    )
    connection = {
        "url": issued.gateway_socket or f"{get_script_prefix()}ws/console/{issued.vm.pk}",
        "protocols": ["binary", "seats", f"ticket.{issued.secret}"],
        "expires_at": issued.expires_at.isoformat(),
        "server": seats.SERVER,
    }
    return JsonResponse(connection, status=201)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")
