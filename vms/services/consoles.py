"""Who may open a console: tickets, what one is good for, and whether it still is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone

from vms import selectors
from vms.hypervisor import consoles as displays
from vms.hypervisor.xml.parse import has_clipboard_channel, parse_serials
from vms.models import VM, AuditPhase, Host, Ticket, User
from vms.policy import Action, Actor, Door, LinkGuest, Person, can
from vms.problems import NotFound, Refused
from vms.services import audit, limits, tokens
from vms.services.consolerights import ConsoleRights, living_sessions
from vms.services.grants import CONTROL as CONTROL  # noqa: PLC0414 - for those who use us
from vms.services.grants import ConsoleGrant as ConsoleGrant  # noqa: PLC0414 - as above
from vms.services.secrets import digest, new_secret

log = structlog.get_logger(__name__)

LIFETIME = timedelta(seconds=30)
VNC, SERIAL = "vnc", "serial"
KINDS = frozenset({VNC, SERIAL})
MAX_SERIALS = 4
"""Serial devices of a PC; QEMU makes no more of the usual kind."""
VIEW = "view"
MODES = frozenset({CONTROL, VIEW})
"""A viewer's keys, pointer and clipboard are dropped by the server."""


@dataclass(frozen=True, slots=True)
class IssuedTicket:
    """A ticket as given to the browser; `secret` is shown once."""

    secret: str = field(repr=False)
    expires_at: datetime
    vm: VM
    kind: str
    mode: str
    gateway_url: str = ""
    """Where to go with it; "": to the site."""

    @property
    def gateway_socket(self) -> str:
        """The websocket's address at the gateway, or ""."""
        if not self.gateway_url:
            return ""
        return f"{socket_origin(self.gateway_url)}/{self.vm.pk}"


def socket_origin(url: str) -> str:
    """Turn http and https into ws and wss."""
    return url.replace("http", "ws", 1)


def issue_ticket(
    *,
    actor: Actor,
    vm_id: selectors.Identifier,
    kind: str = VNC,
    mode: str = CONTROL,
    device: int = 0,
    claims: bool = True,
) -> IssuedTicket:
    """Make a ticket for one opening of a console within 30 s, bound to actor, guest, kind, device
    and mode. Raises NotFound, Forbidden (control, for one who may only watch), Refused.
    """
    vm = selectors.vm(actor, vm_id, action_of(mode))
    if not isinstance(actor, Person) or kind not in KINDS or mode not in MODES:
        raise Refused("console-kind")
    limits.spend(limits.TICKETS, str(actor.user.pk))
    whose = {"user": actor.user, "session_key": actor.session_key, "token": actor.token}
    return _issue(vm, Wanted(kind, mode, device, claims), whose)


def issue_link_ticket(*, actor: LinkGuest, visit: str, claims: bool = True) -> IssuedTicket:
    """Make a ticket for what a link opens, bound to the visit. Raises NotFound, Refused."""
    link = actor.link
    vm = link.vm
    if not can(actor, action_of(link.mode), vm):
        raise NotFound("link")
    whose = {"link": link, "session_key": visit}
    return _issue(vm, Wanted(link.kind, link.mode, link.device, claims), whose)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which console somebody wants, and how."""

    kind: str
    mode: str
    device: int
    claims: bool


def _issue(vm: VM, wanted: Wanted, whose: dict[str, Any]) -> IssuedTicket:  # Any: columns
    _require_active(vm)
    kind, device = wanted.kind, wanted.device
    if kind == SERIAL:
        _require_serial(vm, device)
    else:
        _require_display(vm)
    secret = new_secret()
    expires_at = timezone.now() + LIFETIME
    # Serial ports take one reader and are shared out by the site, whatever the host.
    gateway_url = vm.host.console_gateway_url if kind == VNC else ""
    Ticket.objects.create(
        secret_hash=digest(secret),
        vm=vm,
        kind=kind,
        mode=wanted.mode,
        device=device if kind == SERIAL else 0,
        claims=wanted.claims,
        is_for_gateway=bool(gateway_url),
        expires_at=expires_at,
        **whose,
    )
    Ticket.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).delete()
    return IssuedTicket(secret, expires_at, vm, kind, wanted.mode, gateway_url)


def action_of(mode: str) -> Action:
    """Name the right that a console of this mode needs."""
    return Action.VM_CONSOLE if mode == CONTROL else Action.VM_CONSOLE_VIEW


def has_clipboard(vm: VM) -> bool:
    """Say whether the guest has a channel by which it shares its clipboard."""
    return has_clipboard_channel(vm.xml)


def serial_devices(vm: VM) -> tuple[int, ...]:
    """Return the numbers of the serial devices of a guest that a console can open."""
    serials = parse_serials(vm.xml)[:MAX_SERIALS]
    return tuple(at for at, each in enumerate(serials) if each.kind in displays.OPENABLE)


def _require_active(vm: VM) -> None:
    if vm.is_creating or not vm.is_active:
        raise Refused("console-off")


def _require_serial(vm: VM, device: int) -> None:
    if device not in serial_devices(vm):
        raise Refused("console-no-serial")


def _require_display(vm: VM) -> None:
    if not vm.has_vnc:
        raise Refused("console-no-display")
    can_open = vm.host.facts.get("can_graphics_fd", True)
    if not can_open and not vm.host.console_gateway_url:
        raise Refused("console-remote")


def redeem(
    *,
    secret: str,
    vm_id: str,
    session_key: str,
    user_id: str | None,
    has_trusted_origin: bool,
    address: str,
    visits: frozenset[str] = frozenset(),
    gateway_host_id: str = "",
) -> ConsoleGrant:
    """Burn a ticket and return what it is good for. `visits` are those by links, of this browser.

    `gateway_host_id` is the host whose gateway shows it; a cookie does not come that far, so that
    the session which asked must be alive instead. Any attempt with the right secret burns it.
    Raises Refused("ticket-invalid") without saying why; the audit trail says it.
    Any attempt with the right secret burns it. Raises Refused("ticket-invalid") without saying
    why, which the audit trail says; TooMany where too many were wrong.
    """
    limits.require_left(limits.BAD_TICKETS, address)
    now = timezone.now()
    burned = Ticket.objects.filter(secret_hash=digest(secret), used_at=None).update(used_at=now)
    ticket = (
        Ticket.objects.select_related("user", "link__made_by", "vm", "vm__host", "token")
        .filter(secret_hash=digest(secret))
        .first()
    )
    use = _Use(
        bool(burned), vm_id, session_key, user_id, has_trusted_origin, visits, gateway_host_id
    )
    flaw = _flaw(ticket, use)
    if flaw or ticket is None:
        _audit_refusal(ticket, use, flaw, address)
        limits.note(limits.BAD_TICKETS, address)  # the next one hears of it
        raise Refused("ticket-invalid")
    return _grant(ticket, address)


@dataclass(frozen=True, slots=True)
class _Use:
    """How a ticket was presented."""

    is_first: bool
    vm_id: str
    session_key: str
    user_id: str | None
    has_trusted_origin: bool
    visits: frozenset[str]
    gateway_host_id: str


def _flaw(ticket: Ticket | None, use: _Use) -> str:
    """Name the first thing that is wrong with the ticket for this use, or ""."""
    if ticket is None:
        return "unknown"
    if not use.is_first:
        return "used"
    if ticket.expires_at <= timezone.now():
        return "late"
    if str(ticket.vm_id) != use.vm_id:
        return "other-vm"
    if not _is_right_door(ticket, use):
        return "other-door"
    if ticket.token is None and not use.has_trusted_origin:
        return "origin"
    if ticket.token is None and not _is_same_session(ticket, use):
        return "other-session"
    if ticket.token is not None and not tokens.is_alive(ticket.token):
        return "token-revoked"
    if not can(_actor_of_ticket(ticket), action_of(ticket.mode), ticket.vm):
        return "no-right"
    return ""


def _actor_of_ticket(ticket: Ticket, address: str = "") -> Person | LinkGuest:
    if ticket.link is not None:
        return LinkGuest(ticket.link, address)
    return Person(ticket.user or User(is_active=False), Door.CONSOLE, address)


def _is_right_door(ticket: Ticket, use: _Use) -> bool:
    host_id = str(ticket.vm.host_id) if ticket.is_for_gateway else ""
    return use.gateway_host_id == host_id


def _is_same_session(ticket: Ticket, use: _Use) -> bool:
    if use.gateway_host_id:
        link = ticket.link
        return (
            link.is_alive if link else ticket.session_key in living_sessions({ticket.session_key})
        )
    if ticket.link_id is not None:
        return ticket.session_key in use.visits
    same_user = str(ticket.user_id) == use.user_id
    return bool(use.session_key) and ticket.session_key == use.session_key and same_user


def _audit_refusal(ticket: Ticket | None, use: _Use, flaw: str, address: str) -> None:
    """Write who presented it, which need not be the one it was made for.

    A stranger who invents tickets is only logged: he must not be able to fill the audit trail.
    """
    presenter = User.objects.filter(pk=use.user_id).first() if use.user_id else None
    if presenter is None and ticket is not None and ticket.token is not None:
        presenter = ticket.user
    if presenter is None and ticket is not None and ticket.link is not None:
        presenter = User(username=ticket.link.name)
    if presenter is None and ticket is None:
        log.info("console-ticket-refused", flaw=flaw, address=address)
        return
    actor = Person(presenter or User(username="?"), Door.CONSOLE, address)
    target = audit.about(ticket.vm) if ticket else audit.Target("vm", use.vm_id[:40])
    trail = audit.Trail(actor, "console.open", target, detail={"flaw": flaw})
    audit.refused(trail, Refused("ticket-invalid"))


def _grant(ticket: Ticket, address: str) -> ConsoleGrant:
    vm: VM = ticket.vm
    host: Host = vm.host
    return ConsoleGrant(
        ticket_id=str(ticket.pk),
        vm_id=str(vm.pk),
        vm_name=vm.name,
        host_id=str(host.pk),
        host_uri=host.uri,
        domain_uuid=str(vm.domain_uuid),
        user_id=str(ticket.user_id or ""),
        user_name=_actor_of_ticket(ticket).name,
        session_key=ticket.session_key,
        token_id=str(ticket.token_id or ""),
        kind=ticket.kind,
        mode=ticket.mode,
        device=ticket.device,
        address=address,
        link_id=str(ticket.link_id or ""),
        claims=ticket.claims,
    )


def opened(*, grant: ConsoleGrant) -> None:
    """Write into the audit trail that a console was opened."""
    audit.write(trail_of(grant, "console.open"), AuditPhase.SUCCEEDED)


def closed(
    *, grant: ConsoleGrant, reason: str, seconds: float, bytes_in: int, bytes_out: int
) -> None:
    """Write into the audit trail that a console was closed, why, after how long, and how much it
    moved.
    """
    audit.write(
        trail_of(grant, "console.close"),
        AuditPhase.SUCCEEDED,
        reason=reason,
        seconds=round(seconds),
        bytes_in=bytes_in,
        bytes_out=bytes_out,
    )


def trail_of(grant: ConsoleGrant, action: str) -> audit.Trail:
    """Begin a line of the audit trail about an open console."""
    return audit.Trail(
        ConsoleRights([grant]).actor(grant),
        action,
        audit.Target("vm", grant.vm_id, grant.vm_name),
        detail={"kind": grant.kind, "mode": grant.mode, "device": grant.device},
        correlation=uuid.UUID(grant.ticket_id),
    )
