"""Links to one console of a guest for people without an account: made, listed, opened, revoked.

A link's secret stands in the fragment of its address, which no browser sends to a server or names
in a Referer: the page posts it. Whoever opens a link is on a *visit*, a signed cookie that opens
this link's console and nothing else. Coming back on the same visit is no new use.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.contrib.auth.hashers import check_password, make_password
from django.core import signing
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from vms import selectors
from vms.live import publish
from vms.models import VM, ConsoleLink
from vms.policy import Action, Actor, LinkGuest, Person, can
from vms.problems import Invalid, NotFound, Problem, Refused
from vms.services import audit, consoles, limits
from vms.services.secrets import digest, new_secret

log = structlog.get_logger(__name__)

COOKIE = "kvmweb_visit_"
"""Begins the name of a visit's cookie; the link's id ends it."""
MAX_VISIT = timedelta(days=30)
MAX_LIFE = timedelta(days=90)
MAX_NAME = 100
MAX_LINKS = 50
MAX_USES = 1000
MIN_PASSPHRASE = 6
MAX_PASSPHRASE = 200
_SALT = "console-visit"


@dataclass(frozen=True, slots=True)
class LinkWish:
    """What a link is to be: for which console, until when, how often."""

    name: str
    expires_at: datetime
    mode: str = consoles.VIEW
    kind: str = consoles.VNC
    device: int = 0
    uses: int | None = None
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's way in by a link; `cookie` is its name, `value` what it holds."""

    guest: LinkGuest
    key: str = field(repr=False)
    cookie: str
    value: str = field(repr=False)


def create(*, actor: Actor, vm_id: selectors.Identifier, wish: LinkWish) -> tuple[ConsoleLink, str]:
    """Make a link; the second value is its secret, shown once and kept nowhere.

    Raises NotFound, Forbidden, Invalid (name, expires_at, mode, kind, uses, passphrase).
    """
    vm = selectors.vm(actor, vm_id, Action.VM_SHARE)
    if not isinstance(actor, Person):
        raise NotFound("vm")
    if errors := _errors(vm, wish):
        raise Invalid(errors)
    secret = new_secret()
    detail: dict[str, str | int | list[str]] = {"link": wish.name, "mode": wish.mode}
    with audit.audited(audit.Trail(actor, "link.create", audit.about(vm), detail=detail)):
        link = ConsoleLink.objects.create(
            vm=vm,
            made_by=actor.user,
            name=wish.name,
            secret_hash=digest(secret),
            passphrase_hash=make_password(wish.passphrase) if wish.passphrase else "",
            kind=wish.kind,
            device=wish.device if wish.kind == consoles.SERIAL else 0,
            mode=wish.mode,
            expires_at=wish.expires_at,
            uses_left=wish.uses,
        )
    return link, secret


def _errors(vm: VM, wish: LinkWish) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if not wish.name.strip():
        errors["name"] = Problem("required")
    elif len(wish.name) > MAX_NAME:
        errors["name"] = Problem("name-too-long", limit=MAX_NAME)
    elif _living_of(vm).count() >= MAX_LINKS:
        errors["name"] = Problem("too-many-links", limit=MAX_LINKS)
    now = timezone.now()
    if wish.expires_at <= now:
        errors["expires_at"] = Problem("link-expiry-past")
    elif wish.expires_at > now + MAX_LIFE:
        errors["expires_at"] = Problem("link-expiry-far", limit=MAX_LIFE.days)
    if wish.mode not in consoles.MODES:
        errors["mode"] = Problem("console-kind")
    if not _has(vm, wish.kind, wish.device):
        errors["kind"] = Problem("console-kind")
    if wish.uses is not None and not 1 <= wish.uses <= MAX_USES:
        errors["uses"] = Problem("link-uses", limit=MAX_USES)
    if 0 < len(wish.passphrase) < MIN_PASSPHRASE:
        errors["passphrase"] = Problem("password-too-short", limit=MIN_PASSPHRASE)
    elif len(wish.passphrase) > MAX_PASSPHRASE:
        errors["passphrase"] = Problem("text-too-long", limit=MAX_PASSPHRASE)
    return errors


def _has(vm: VM, kind: str, device: int) -> bool:
    """Say whether a guest has that screen or serial port."""
    if kind == consoles.VNC:
        return vm.has_vnc and device == 0
    return kind == consoles.SERIAL and device in consoles.serial_devices(vm)


def _living_of(vm: VM) -> QuerySet[ConsoleLink]:
    return ConsoleLink.objects.filter(vm=vm, revoked_at=None, expires_at__gt=timezone.now())


def can_look(actor: Actor, vm: VM) -> bool:
    """Say whether somebody may see the links to a guest: who shares it, and who sees all."""
    return can(actor, Action.VM_SHARE, vm) or can(actor, Action.LINK_VIEW)


def revoke(*, actor: Actor, link_id: selectors.Identifier) -> ConsoleLink:
    """End a link at once, with the consoles that are open by it. Raises NotFound, Forbidden."""
    link = selectors.console_link(actor, link_id)
    selectors.vm(actor, link.vm_id, Action.VM_SHARE)
    trail = audit.Trail(actor, "link.revoke", audit.about(link.vm), detail={"link": link.name})
    with audit.audited(trail):
        alive = ConsoleLink.objects.filter(pk=link.pk, revoked_at=None)
        alive.update(revoked_at=timezone.now())
    publish.consoles_changed(str(link.vm_id))
    link.refresh_from_db()
    return link


def open_link(*, secret: str, passphrase: str, address: str, cookies: Mapping[str, str]) -> Visit:
    """Open a link, or come back on the visit that a cookie says.

    Raises Refused: too-many-tries; link-invalid for any secret that opens nothing, whatever is
    wrong with it; link-passphrase.
    """
    if not limits.is_left(limits.LINKS, address):
        raise Refused("too-many-tries")
    link = _living(secret)
    if link is None:
        if limits.note(limits.LINKS, address):
            log.warning("link-guessing", address=address)
        raise Refused("link-invalid")
    back = visit_of(link, cookies, address)
    if back is not None:
        return back
    _require_passphrase(link, passphrase, address)
    _count_use(link, address)
    visit = _new_visit(link, address)
    audit.ended(audit.Trail(visit.guest, "link.open", audit.about(link.vm), detail=_named(link)))
    return visit


def _named(link: ConsoleLink) -> dict[str, str | int | list[str]]:
    return {"link": link.name}


def _living(secret: str) -> ConsoleLink | None:
    rows = ConsoleLink.objects.select_related("vm", "vm__host", "made_by")
    link = rows.filter(secret_hash=digest(secret)).first() if len(secret) <= 100 else None
    return link if link is not None and _lets_in(link) else None


def _lets_in(link: ConsoleLink) -> bool:
    return can(LinkGuest(link), consoles.action_of(link.mode), link.vm)


def _require_passphrase(link: ConsoleLink, passphrase: str, address: str) -> None:
    if not link.passphrase_hash:
        return
    if not limits.is_left(limits.PASSPHRASES, str(link.pk)):
        raise Refused("too-many-tries")
    if not passphrase:
        raise Refused("link-passphrase")
    if check_password(passphrase[:MAX_PASSPHRASE], link.passphrase_hash):
        return
    limits.note(limits.PASSPHRASES, str(link.pk))
    limits.note(limits.LINKS, address)
    problem = Refused("link-passphrase-wrong")
    guest = LinkGuest(link, address)
    audit.refused(
        audit.Trail(guest, "link.open", audit.about(link.vm), detail=_named(link)), problem
    )
    raise problem


def _count_use(link: ConsoleLink, address: str) -> None:
    """Use the link up by one; of two at the last use one comes in."""
    left = Q(uses_left=None) | Q(uses_left__gt=0)
    with transaction.atomic():
        changed = ConsoleLink.objects.filter(left, pk=link.pk).update(
            uses=F("uses") + 1,
            uses_left=F("uses_left") - 1,
            last_used_at=timezone.now(),
            last_address=address[:45],
        )
    if not changed:
        raise Refused("link-invalid")


def _new_visit(link: ConsoleLink, address: str) -> Visit:
    key = secrets.token_hex(16)
    value = signing.dumps({"link": str(link.pk), "visit": key}, salt=_SALT)
    return Visit(LinkGuest(link, address), key, cookie_of(link.pk), value)


def cookie_of(link_id: uuid.UUID | str) -> str:
    """Name the cookie of a visit by that link."""
    return f"{COOKIE}{str(link_id).replace('-', '')}"


def visit_of(link: ConsoleLink, cookies: Mapping[str, str], address: str) -> Visit | None:
    """Return the visit that a browser is on by that link, or None."""
    name = cookie_of(link.pk)
    value = cookies.get(name, "")
    key = _read(value).get("visit", "") if _read(value).get("link") == str(link.pk) else ""
    return Visit(LinkGuest(link, address), key, name, value) if key else None


def visitor(*, link_id: str, cookies: Mapping[str, str], address: str) -> Visit:
    """Return who is on a visit by a link that is still good. Raises NotFound."""
    rows = ConsoleLink.objects.select_related("vm", "vm__host", "made_by")
    try:
        link = rows.filter(pk=uuid.UUID(link_id)).first()
    except ValueError:
        link = None
    visit = visit_of(link, cookies, address) if link else None
    if (
        link is None
        or visit is None
        or not can(visit.guest, consoles.action_of(link.mode), link.vm)
    ):
        raise NotFound("link")
    ConsoleLink.objects.filter(pk=link.pk).update(
        last_used_at=timezone.now(), last_address=address[:45]
    )
    return visit


def gateways_in(cookies: Mapping[str, str]) -> list[str]:
    """Return the websocket origins of the gateways that the links of a browser's visits use."""
    ids = [_read(value).get("link", "") for name, value in cookies.items() if _is_visit(name)]
    rows = ConsoleLink.objects.filter(pk__in=[each for each in ids if each][:MAX_LINKS])
    urls = rows.exclude(vm__host__console_gateway_url="")
    found = set(urls.values_list("vm__host__console_gateway_url", flat=True))
    return sorted(consoles.socket_origin(url) for url in found)


def _is_visit(name: str) -> bool:
    return name.startswith(COOKIE)


def visits_in(cookies: Mapping[str, str]) -> frozenset[str]:
    """Return the keys of every visit that a browser is on."""
    values = [value for name, value in cookies.items() if _is_visit(name)]
    return frozenset(key for value in values[:MAX_LINKS] if (key := _read(value).get("visit", "")))


def _read(value: str) -> dict[str, str]:
    try:
        found = signing.loads(value, salt=_SALT, max_age=MAX_VISIT) if value else {}
    except signing.BadSignature:
        return {}
    return found if isinstance(found, dict) else {}
