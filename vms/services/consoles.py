"""Who may open a console: tickets, what one is good for, and whether it still is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.contrib.sessions.models import Session
from django.utils import timezone

from vms import selectors
from vms.hypervisor import consoles as displays
from vms.hypervisor.xml.parse import parse_serials
from vms.models import VM, ApiToken, AuditPhase, Host, Ticket, User
from vms.policy import Action, Actor, Door, Person, can
from vms.problems import Refused
from vms.services import audit, duties, tokens
from vms.services.secrets import digest, new_secret

log = structlog.get_logger(__name__)

LIFETIME = timedelta(seconds=30)
VNC, SERIAL = "vnc", "serial"
KINDS = frozenset({VNC, SERIAL})
MAX_SERIALS = 4
"""Serial devices of a PC; QEMU makes no more of the usual kind."""
CONTROL = "control"
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


@dataclass(frozen=True, slots=True)
class ConsoleGrant:
    """What a redeemed ticket is good for."""

    ticket_id: str
    vm_id: str
    vm_name: str
    host_id: str
    host_uri: str
    domain_uuid: str
    user_id: str
    user_name: str
    session_key: str
    token_id: str
    kind: str
    mode: str
    address: str
    device: int = 0
    """Which serial device, counted from 0."""

    @property
    def is_token(self) -> bool:
        """True when a bearer token asked, so that neither cookie nor Origin is needed."""
        return bool(self.token_id)

    @property
    def has_control(self) -> bool:
        """True when keys and pointer reach the guest; whoever does not have it watches."""
        return self.mode == CONTROL


def issue_ticket(
    *,
    actor: Actor,
    vm_id: selectors.Identifier,
    kind: str = VNC,
    mode: str = CONTROL,
    device: int = 0,
) -> IssuedTicket:
    """Make a ticket for one opening of a console within 30 s, bound to actor, guest, kind, device
    and mode. Raises NotFound, Forbidden (control, for one who may only watch), Refused.
    """
    vm = selectors.vm(actor, vm_id, action_of(mode))
    if not isinstance(actor, Person) or kind not in KINDS or mode not in MODES:
        raise Refused("console-kind")
    _require_active(vm)
    if kind == SERIAL:
        _require_serial(vm, device)
    else:
        _require_display(vm)
    secret = new_secret()
    expires_at = timezone.now() + LIFETIME
    Ticket.objects.create(
        secret_hash=digest(secret),
        user=actor.user,
        vm=vm,
        session_key=actor.session_key,
        token=actor.token,
        kind=kind,
        mode=mode,
        device=device if kind == SERIAL else 0,
        expires_at=expires_at,
    )
    forget_old_tickets()
    return IssuedTicket(secret, expires_at, vm, kind, mode)


def action_of(mode: str) -> Action:
    """Name the right that a console of this mode needs."""
    return Action.VM_CONSOLE if mode == CONTROL else Action.VM_CONSOLE_VIEW


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
    if not vm.host.facts.get("can_graphics_fd", True):
        raise Refused("console-remote")


def forget_old_tickets() -> None:
    """Delete tickets that expired more than a day ago."""
    Ticket.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).delete()


def redeem(
    *,
    secret: str,
    vm_id: str,
    session_key: str,
    user_id: str | None,
    has_trusted_origin: bool,
    address: str,
) -> ConsoleGrant:
    """Burn a ticket and return what it is good for.

    Any attempt with the right secret burns it. Raises Refused("ticket-invalid") without saying
    why; the audit trail says it.
    """
    now = timezone.now()
    burned = Ticket.objects.filter(secret_hash=digest(secret), used_at=None).update(used_at=now)
    ticket = (
        Ticket.objects.select_related("user", "vm", "vm__host", "token")
        .filter(secret_hash=digest(secret))
        .first()
    )
    use = _Use(bool(burned), vm_id, session_key, user_id, has_trusted_origin)
    flaw = _flaw(ticket, use)
    if flaw or ticket is None:
        _audit_refusal(ticket, use, flaw, address)
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
    if ticket.token is None and not use.has_trusted_origin:
        return "origin"
    if ticket.token is None and not _is_same_session(ticket, use):
        return "other-session"
    if ticket.token is not None and not tokens.is_alive(ticket.token):
        return "token-revoked"
    if not can(Person(ticket.user), action_of(ticket.mode), ticket.vm):
        return "no-right"
    return ""


def _is_same_session(ticket: Ticket, use: _Use) -> bool:
    same_user = str(ticket.user_id) == use.user_id
    return bool(use.session_key) and ticket.session_key == use.session_key and same_user


def _audit_refusal(ticket: Ticket | None, use: _Use, flaw: str, address: str) -> None:
    """Write who presented it, which need not be the one it was made for.

    A stranger who invents tickets is only logged: he must not be able to fill the audit trail.
    """
    presenter = User.objects.filter(pk=use.user_id).first() if use.user_id else None
    if presenter is None and ticket is not None and ticket.token is not None:
        presenter = ticket.user
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
        user_id=str(ticket.user_id),
        user_name=ticket.user.username,
        session_key=ticket.session_key,
        token_id=str(ticket.token_id or ""),
        kind=ticket.kind,
        mode=ticket.mode,
        device=ticket.device,
        address=address,
    )


def check_still_allowed(*, grant: ConsoleGrant) -> str:
    """Say whether an open console may stay: "" or one of deactivated, logged-out, vm-gone,
    control-lost (he may still watch), revoked.
    """
    user = User.objects.filter(pk=grant.user_id, is_active=True).first()
    if user is None:
        return "deactivated"
    if not _is_logged_in(grant) or (not grant.is_token and duties.first(user)):
        return "logged-out"
    vm = VM.objects.defer("xml").filter(pk=grant.vm_id).first()
    if vm is None:
        return "vm-gone"
    person = Person(user)
    if can(person, action_of(grant.mode), vm):
        return ""
    return "control-lost" if can(person, Action.VM_CONSOLE_VIEW, vm) else "revoked"


def _is_logged_in(grant: ConsoleGrant) -> bool:
    if grant.is_token:
        token = ApiToken.objects.filter(pk=grant.token_id).first()
        return token is not None and tokens.is_alive(token)
    return session_is_alive(grant.session_key)


def session_is_alive(session_key: str) -> bool:
    """Say whether a browser session still exists and has not expired."""
    return Session.objects.filter(session_key=session_key, expire_date__gt=timezone.now()).exists()


def opened(*, grant: ConsoleGrant) -> None:
    """Write into the audit trail that a console was opened."""
    audit.write(_trail(grant, "console.open"), AuditPhase.SUCCEEDED)


def closed(
    *, grant: ConsoleGrant, reason: str, seconds: float, bytes_in: int, bytes_out: int
) -> None:
    """Write into the audit trail that a console was closed, why, after how long, and how much it
    moved.
    """
    audit.write(
        _trail(grant, "console.close"),
        AuditPhase.SUCCEEDED,
        reason=reason,
        seconds=round(seconds),
        bytes_in=bytes_in,
        bytes_out=bytes_out,
    )


def _trail(grant: ConsoleGrant, action: str) -> audit.Trail:
    user = User.objects.filter(pk=grant.user_id).first() or User(username=grant.user_name)
    return audit.Trail(
        Person(user, Door.CONSOLE, grant.address),
        action,
        audit.Target("vm", grant.vm_id, grant.vm_name),
        detail={"kind": grant.kind, "mode": grant.mode, "device": grant.device},
        correlation=uuid.UUID(grant.ticket_id),
    )
