"""/metrics for Prometheus: for this machine itself, and for an administrator's token."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from vms import messages
from vms.policy import Actor, Door, Person, SystemActor
from vms.problems import Forbidden
from vms.services import metrics, tokens

PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip")


@require_safe
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    """Answer with all metrics; 401 without a valid token, 403 where it is no administrator's."""
    actor = _actor(request)
    if actor is None:
        return HttpResponse(
            "Send the token of an administrator: Authorization: Bearer <token>\n",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": 'Bearer realm="kvmweb"'},
        )
    try:
        registry = metrics.registry(actor=actor)
    except Forbidden as problem:
        return HttpResponse(messages.sentence(problem), status=403, content_type="text/plain")
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _actor(request: HttpRequest) -> Actor | None:
    """Find who asks. A token that is wrong is refused also where none is needed."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = tokens.authenticate(secret.strip())
        return (
            Person(token.user, door=Door.API, address=_peer(request), token=token)
            if token
            else None
        )
    return SystemActor(Door.API, name="metrics") if is_local(request) else None


def is_local(request: HttpRequest) -> bool:
    """Say whether a program on this machine asks directly, by a local name.

    A reverse proxy on this machine comes from the loopback too, with requests of the whole world:
    where there is one, or a trace of one, nobody is local.
    """
    if settings.KVMWEB.public_urls or any(name in request.headers for name in PROXY_HEADERS):
        return False
    name = urlsplit(f"//{request.get_host()}").hostname or ""
    return _is_loopback(_peer(request)) and (name == "localhost" or _is_loopback(name))


def _peer(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")[:45]


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
