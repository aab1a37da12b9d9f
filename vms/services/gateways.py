"""Console gateways: their credentials, which host's consoles go through one, and what they ask."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from vms import selectors
from vms.live import publish
from vms.models import Gateway, GatewayConsole, Host
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Invalid, NotFound, Problem, Refused
from vms.rfb.doors import normalised
from vms.services import audit, consoles, seats
from vms.services.consolerights import ConsoleRights
from vms.services.consoles import ConsoleGrant
from vms.services.secrets import digest, new_secret
from vms.services.table import Wish

PREFIX = "kvmwebgw_"
MAX_NAME = 100
SERVER = "gateway"
"""Whose a seat is that a gateway renews."""
_ADDRESS = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
"""It becomes part of a page's content security policy: nothing else may stand in it."""
LOST = timedelta(seconds=90)
"""A gateway that has not asked about a console for so long has lost it."""
_SEEN_STEP = timedelta(seconds=30)


def create(*, actor: Actor, host_name: str, name: str) -> tuple[Gateway, str]:
    """Make the credential of a gateway on a host; the second value is shown once.

    Raises Forbidden, NotFound (host), Invalid("name").
    """
    _require(actor)
    host = selectors.hosts(actor).filter(name=host_name).first()
    if host is None:
        raise NotFound("host")
    if not name.strip() or len(name) > MAX_NAME:
        raise Invalid({"name": Problem("required" if not name.strip() else "name-too-long")})
    secret = PREFIX + new_secret()
    trail = audit.Trail(actor, "gateway.create", _target(host), detail={"gateway": name})
    try:
        with transaction.atomic(), audit.audited(trail):
            gateway = Gateway.objects.create(host=host, name=name, secret_hash=digest(secret))
    except IntegrityError:
        raise Invalid({"name": Problem("gateway-name-used", name=name)}) from None
    return gateway, secret


def revoke(*, actor: Actor, name: str) -> Gateway:
    """End a credential at once, and the consoles it let in. Raises Forbidden, NotFound."""
    _require(actor)
    gateway = Gateway.objects.select_related("host").filter(name=name, revoked_at=None).first()
    if gateway is None:
        raise NotFound("gateway")
    trail = audit.Trail(actor, "gateway.revoke", _target(gateway.host), detail={"gateway": name})
    with transaction.atomic(), audit.audited(trail):
        gateway.revoked_at = timezone.now()
        gateway.save(update_fields=["revoked_at"])
    for row in gateway.consoles.all():
        _end(row, "gateway-revoked")
    return gateway


def set_route(*, actor: Actor, host_id: selectors.Identifier, url: str) -> Host:
    """Say through which gateway the screens of a host's guests come: its address, "" for the site.

    Raises Forbidden, NotFound, Invalid("console_gateway_url").
    """
    host = selectors.host(actor, host_id)
    _require(actor)
    origin = url.strip().rstrip("/")
    if origin and not (_ADDRESS.fullmatch(origin) and normalised(origin)):
        raise Invalid({"console_gateway_url": Problem("gateway-url")})
    if host.console_gateway_url == origin:
        return host
    action = Action.HOST_SET_CONSOLES.value
    with audit.audited(audit.Trail(actor, action, _target(host), detail={"url": origin})):
        host.console_gateway_url = origin
        host.save(update_fields=["console_gateway_url"])
    publish.host_changed(str(host.pk))
    return host


def authenticate(secret: str) -> Gateway | None:
    """Find the gateway of a secret that was not revoked; notes that it was seen."""
    found = Gateway.objects.select_related("host").filter(
        secret_hash=digest(secret), revoked_at=None
    )
    gateway = found.first()
    now = timezone.now()
    if gateway and (gateway.seen_at is None or now - gateway.seen_at > _SEEN_STEP):
        found.update(seen_at=now)
    return gateway


def redeem(
    *, gateway: Gateway, secret: str, vm_id: str, has_trusted_origin: bool, address: str
) -> tuple[ConsoleGrant, bool]:
    """Burn a ticket for a gateway of the guest's host, take a seat, and note the console; the
    second value says whether it has control.

    Raises Refused: the ticket, too many consoles, somebody who wants to be alone.
    """
    forget_lost()
    grant = consoles.redeem(
        secret=secret,
        vm_id=vm_id,
        session_key="",
        user_id=None,
        has_trusted_origin=has_trusted_origin,
        address=address,
        gateway_host_id=str(gateway.host_id),
    )
    has_control = seats.enter(grant=grant)
    seats.keep(grant=grant, server=SERVER)
    GatewayConsole.objects.create(
        id=grant.ticket_id, gateway=gateway, vm_id=grant.vm_id, grant=asdict(grant)
    )
    consoles.opened(grant=grant)
    return grant, has_control


@dataclass(frozen=True, slots=True)
class News:
    """What a gateway says of an open console. `said` are text messages of its page, in order."""

    bytes_in: int = 0
    bytes_out: int = 0
    idle_s: float = 0.0
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Orders:
    """What a gateway is to do with a console: `end` is "" or why it ends, `tell` for its page."""

    end: str = ""
    has_control: bool = False
    tell: str = ""


def still(*, gateway: Gateway, console_id: str, news: News) -> Orders:
    """Hear that a console is open and what its page wants; say what is to be done.

    Raises NotFound.
    """
    row = _row(gateway, console_id)
    row.seen_at, row.bytes_in, row.bytes_out = timezone.now(), news.bytes_in, news.bytes_out
    row.save(update_fields=["seen_at", "bytes_in", "bytes_out"])
    if row.end:
        return Orders(row.end)
    if not row.gateway.host.console_gateway_url:
        return Orders("revoked")
    return _standing(row, news)


def _standing(row: GatewayConsole, news: News) -> Orders:
    grant = grant_of(row)
    try:
        _keep_seat(grant)
    except Refused as problem:
        return Orders(problem.code)
    _grant_wishes(grant, news.said)
    seating = seats.look(grant=grant)
    if seating.asked_at is not None:
        asked_s = (timezone.now() - seating.asked_at).total_seconds()
        if asked_s >= seats.ASK_S:
            seats.answer_for_silence(grant=grant, is_idle=news.idle_s >= asked_s)
            seating = seats.look(grant=grant)
    end = seating.ending or _time_over(row, news)
    text = json.dumps(seats.words(seating, None), separators=(",", ":"))
    return Orders(end, seating.has_control, text)


def _keep_seat(grant: ConsoleGrant) -> None:
    """Renew the seat, or take it again: a site that starts anew has forgotten all. Raises Refused
    when it cannot be had any more.
    """
    if not seats.keep(grant=grant, server=SERVER):
        check = ConsoleRights([grant]).ending(grant)
        if check:
            raise Refused(check)
        seats.enter(grant=grant)
        seats.keep(grant=grant, server=SERVER)


def _grant_wishes(grant: ConsoleGrant, said: tuple[str, ...]) -> None:
    for text in said:
        wish, to = wish_of(text)
        if wish is not None:
            with contextlib.suppress(Refused):
                seats.act(grant=grant, wish=wish, to=to)


def wish_of(text: str) -> tuple[Wish | None, str]:
    """Read what a page says; what is no wish changes nothing."""
    try:
        said = json.loads(text)
        return Wish(said["t"]), str(said.get("to", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, ""


def _time_over(row: GatewayConsole, news: News) -> str:
    limits = settings.KVMWEB
    open_s = (timezone.now() - row.opened_at).total_seconds()
    if limits.console_hours and open_s > limits.console_hours * 3600:
        return "time-over"
    is_idle = limits.console_idle_minutes and news.idle_s > limits.console_idle_minutes * 60
    return "idle" if is_idle else ""


def closed(
    *, gateway: Gateway, console_id: str, reason: str, bytes_in: int, bytes_out: int
) -> None:
    """Note that a console has ended. Raises NotFound."""
    row = _row(gateway, console_id)
    row.bytes_in, row.bytes_out = bytes_in, bytes_out
    _end(row, reason)


def forget_lost() -> None:
    """End consoles of gateways that were killed."""
    for row in GatewayConsole.objects.filter(seen_at__lt=timezone.now() - LOST):
        _end(row, "gateway-lost")


def ask_to_end(*, console_id: str, reason: str) -> None:
    """Have a console end when its gateway asks next."""
    GatewayConsole.objects.filter(pk=console_id).update(end=reason)


def open_grants(vm_id: str) -> dict[str, ConsoleGrant]:
    """Return what is open at a guest through gateways, by console."""
    rows = GatewayConsole.objects.filter(vm_id=vm_id)
    return {str(row.pk): grant_of(row) for row in rows}


def grant_of(row: GatewayConsole) -> ConsoleGrant:
    """Return what the ticket of a console was good for."""
    return ConsoleGrant(**row.grant)


def _row(gateway: Gateway, console_id: str) -> GatewayConsole:
    rows = GatewayConsole.objects.select_related("gateway__host")
    row = rows.filter(pk=console_id, gateway=gateway).first()
    if row is None:
        raise NotFound("console")
    return row


def _end(row: GatewayConsole, reason: str) -> None:
    grant = grant_of(row)
    seconds = (timezone.now() - row.opened_at).total_seconds()
    if not GatewayConsole.objects.filter(pk=row.pk).delete()[0]:
        return
    consoles.closed(
        grant=grant,
        reason=reason,
        seconds=seconds,
        bytes_in=row.bytes_in,
        bytes_out=row.bytes_out,
    )
    seats.leave(grant=grant)


def _target(host: Host) -> audit.Target:
    return audit.Target("host", str(host.pk), host.name)


def _require(actor: Actor) -> None:
    if not can(actor, Action.HOST_SET_CONSOLES):
        raise Forbidden("forbidden", action=Action.HOST_SET_CONSOLES.value)
