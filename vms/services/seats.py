"""Who sits at the consoles of a guest: one has control, others watch, and control changes hands.

What is true stands in the database, so that it holds for every process of the site; each process
applies it to the pumps that are its own.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from vms import selectors
from vms.live import publish
from vms.models import VM, AuditPhase, Recording, Seat
from vms.models.recording import OPEN_RECORDINGS
from vms.policy import Action, Actor, Person, can
from vms.problems import Refused
from vms.services import audit, consoles
from vms.services.consolerights import ConsoleRights
from vms.services.consoles import ConsoleGrant
from vms.services.table import Table, Wish

SERVER = uuid.uuid4().hex
"""This process."""
BEAT_S = 5.0
DEAD_AFTER = timedelta(seconds=20)
"""A seat that its process has not renewed for so long is nobody's any more."""
ASK_S = 30.0
"""Who does not answer a request for so long has given control away, unless he used it since."""
_FOR_CONTROL = frozenset({Wish.CLAIM, Wish.ASK, Wish.TAKE, Wish.ALONE})
_AUDITED = {
    Wish.TAKE: "console.take-over",
    Wish.GIVE: "console.hand-over",
    Wish.ALONE: "console.alone",
}


@dataclass(frozen=True, slots=True)
class Sitter:
    """An open console as somebody sees it; `is_mine` says that it is his own.

    Who came by a link is not told the names of others.
    """

    seat_id: str
    name: str
    kind: str
    device: int
    has_control: bool
    may_control: bool
    asks: bool
    is_guest: bool
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Seating:
    """What one console is and may do now. `ending` is "" or why it must end."""

    ending: str = ""
    seat_id: str = ""
    has_control: bool = False
    may_control: bool = False
    may_take: bool = False
    may_be_alone: bool = False
    is_alone: bool = False
    is_recorded: bool = False
    asked_at: datetime | None = None
    """Since when somebody asks for the control that this console has."""
    sitters: tuple[Sitter, ...] = ()


def alive() -> QuerySet[Seat]:
    """Seats whose process has renewed them of late."""
    return Seat.objects.filter(seen_at__gt=timezone.now() - DEAD_AFTER)


def at(*, actor: Actor, vm: VM) -> list[Sitter]:
    """List the consoles of a guest that are open, for those who may see it."""
    if not can(actor, Action.VM_VIEW, vm):
        return []
    user_id = str(actor.user.pk) if isinstance(actor, Person) else ""
    return [_sitter(seat, "", user_id) for seat in alive().filter(vm=vm)]


def is_kept_from(*, actor: Actor, vm: VM) -> bool:
    """Say whether somebody else has the guest's screen for himself alone."""
    alone = alive().filter(vm=vm, is_alone=True)
    return (alone.exclude(user=actor.user) if isinstance(actor, Person) else alone).exists()


def enter(*, grant: ConsoleGrant) -> bool:
    """Take a seat for a console that is being opened, with control if that is free: say whether.

    Raises Refused: too-many-consoles, console-exclusive.
    """
    with _locked(grant) as here:
        if any(_keeps_out(seat, grant) for seat in here):
            raise Refused("console-exclusive")
        _require_room(grant, len(here))
        mine = Seat.objects.create(
            pk=grant.ticket_id,
            vm_id=grant.vm_id,
            kind=grant.kind,
            device=grant.device,
            user_id=grant.user_id or None,
            link_id=grant.link_id or None,
            name=grant.user_name[:150],
            may_control=grant.may_control,
            seen_at=timezone.now(),
            server=SERVER,
        )
        table = Table(mine, [*here, mine])
        if grant.may_control and grant.claims and table.holder is None:
            table.claim("")
        return mine.has_control


def _require_room(grant: ConsoleGrant, here: int) -> None:
    limits = settings.KVMWEB
    own = {"link_id": grant.link_id} if grant.link_id else {"user_id": grant.user_id}
    if (
        here >= limits.console_max_per_vm
        or alive().filter(**own).count() >= limits.console_max_per_user
        or alive().count() >= limits.console_max
    ):
        raise Refused("too-many-consoles")


def leave(*, grant: ConsoleGrant) -> None:
    """Give the seat up; who asked first for its control gets it."""
    with _locked(grant) as here:
        mine = _mine(here, grant)
        if mine is not None:
            Table(mine, here).release("")
        Seat.objects.filter(pk=grant.ticket_id).delete()


def look(*, grant: ConsoleGrant) -> Seating:
    """Say what a console is now, and whether it may stay. Renews the seats of this process."""
    return look_at_all([grant])[0]


def look_at_all(grants: Sequence[ConsoleGrant]) -> list[Seating]:
    """Say the same of many consoles, in as many queries as of one."""
    if _pulse.is_due():
        Seat.objects.filter(server=SERVER).update(seen_at=timezone.now())
    view = _View(grants)
    return [_seating(grant, view) for grant in grants]


class _View:
    """What the database says of some consoles: rights, who sits at the same guests, recordings."""

    def __init__(self, grants: Sequence[ConsoleGrant]) -> None:
        self.rights = ConsoleRights(grants)
        ids = {uuid.UUID(grant.vm_id) for grant in grants}
        self._seats: defaultdict[str, list[Seat]] = defaultdict(list)
        for seat in alive().filter(vm__in=ids):
            self._seats[str(seat.vm_id)].append(seat)
        running = Recording.objects.filter(state__in=OPEN_RECORDINGS, is_stop_wanted=False)
        recorded = running.filter(vm__in=ids).values_list("vm", "kind", "device")
        self._recorded = {(str(vm_id), kind, device) for vm_id, kind, device in recorded}

    def seats_with(self, grant: ConsoleGrant) -> list[Seat]:
        """Return the living seats at the guest of a console."""
        return self._seats[grant.vm_id]

    def is_recorded(self, seat: Seat) -> bool:
        """Say whether what this seat looks at is being recorded."""
        return (str(seat.vm_id), seat.kind, seat.device) in self._recorded


def _seating(grant: ConsoleGrant, view: _View) -> Seating:
    here = view.seats_with(grant)
    mine = _mine(here, grant)
    ending = view.rights.ending(grant)
    if ending or mine is None:
        return Seating(ending or "seat-lost")
    if any(_keeps_out(seat, grant) for seat in here):
        return Seating("console-exclusive")
    may_control = mine.may_control and view.rights.may(grant, Action.VM_CONSOLE)
    if mine.has_control and not may_control:
        # He may only watch by now.
        act(grant=grant, wish=Wish.RELEASE)
        mine.has_control = mine.is_alone = False
    asker = Table(mine, here).first_asker
    return Seating(
        seat_id=str(mine.pk),
        has_control=mine.has_control,
        may_control=may_control,
        may_take=may_control and view.rights.may(grant, Action.VM_CONSOLE_TAKE),
        may_be_alone=may_control and not grant.link_id,
        is_alone=mine.is_alone,
        is_recorded=view.is_recorded(mine),
        asked_at=asker.asked_at if asker and mine.has_control else None,
        sitters=tuple(_sitter(seat, grant.ticket_id, grant.user_id) for seat in here),
    )


def words(seating: Seating, ends: dict[str, object] | None) -> dict[str, object]:
    """Say all of it as pages are told; `ends` is what ends the console soon."""
    return {
        "t": "seats",
        "me": seating.seat_id,
        "control": seating.has_control,
        "may": {
            "control": seating.may_control,
            "take": seating.may_take,
            "alone": seating.may_be_alone,
        },
        "alone": seating.is_alone,
        "recorded": seating.is_recorded,
        "ask_s": round(ASK_S),
        "ends": ends,
        "people": [
            {
                "id": each.seat_id,
                "name": each.name,
                "kind": each.kind,
                "device": each.device,
                "control": each.has_control,
                "can": each.may_control,
                "asks": each.asks,
                "guest": each.is_guest,
                "mine": each.is_mine,
            }
            for each in seating.sitters
        ],
    }


def keep(*, grant: ConsoleGrant, server: str) -> bool:
    """Renew the seat of a console that another program has; say whether it still is there."""
    mine = Seat.objects.filter(pk=grant.ticket_id)
    return bool(mine.update(seen_at=timezone.now(), server=server))


def act(*, grant: ConsoleGrant, wish: Wish, to: str = "") -> None:
    """Do what somebody at a console wants; `to` names another seat, for GIVE and DENY.

    What the state does not allow changes nothing. Raises Refused("seat-right") without the right.
    """
    _require_right(grant, wish)
    with _locked(grant) as here:
        mine = _mine(here, grant)
        if mine is None or (wish in _FOR_CONTROL and not mine.may_control):
            return
        table = Table(mine, here)
        table.do(wish, to)
        if table.moved is not None:
            _audit(grant, _AUDITED[wish], table.moved)


def answer_for_silence(*, grant: ConsoleGrant, is_idle: bool) -> None:
    """Answer the oldest request that nobody answered in time, for the one who has control.

    Who has not used the guest since loses control; of who works there it is denied.
    """
    with _locked(grant) as here:
        mine = _mine(here, grant)
        if mine is None or not mine.has_control:
            return
        table = Table(mine, here)
        asker = table.first_asker
        late = timezone.now() - timedelta(seconds=ASK_S)
        if asker is None or asker.asked_at is None or asker.asked_at > late:
            return
        table.do(Wish.GIVE if is_idle else Wish.DENY, str(asker.pk))
        if is_idle:
            _audit(grant, "console.hand-over", asker.name, is_silent=1)


def _require_right(grant: ConsoleGrant, wish: Wish) -> None:
    if wish not in _FOR_CONTROL:
        return
    needed = Action.VM_CONSOLE_TAKE if wish is Wish.TAKE else Action.VM_CONSOLE
    is_guest_alone = wish is Wish.ALONE and bool(grant.link_id)
    if is_guest_alone or not ConsoleRights([grant]).may(grant, needed):
        raise Refused("seat-right")


def open_up(*, actor: Actor, vm_id: selectors.Identifier) -> None:
    """End it that somebody has a guest's consoles for himself alone. Raises NotFound, Forbidden."""
    vm = selectors.vm(actor, vm_id, Action.VM_CONSOLE_TAKE)
    with audit.audited(audit.Trail(actor, "console.open-up", audit.about(vm))):
        Seat.objects.filter(vm=vm, is_alone=True).update(is_alone=False)
    publish.consoles_changed(str(vm.pk))


def forget_all() -> None:
    """Delete every seat: for the start of a server that is the only one."""
    Seat.objects.all().delete()


@contextmanager
def _locked(grant: ConsoleGrant) -> Iterator[list[Seat]]:
    """Give the living seats at a guest, one change at a time, and say afterwards that they changed.

    SQLite's transactions are immediate; elsewhere the guest's row is locked.
    """
    with transaction.atomic():
        VM.objects.select_for_update().only("pk").filter(pk=grant.vm_id).first()
        dead = timezone.now() - DEAD_AFTER
        Seat.objects.filter(vm_id=grant.vm_id, seen_at__lte=dead).delete()
        yield list(Seat.objects.filter(vm_id=grant.vm_id))
        transaction.on_commit(lambda: publish.consoles_changed(grant.vm_id))


def _mine(here: list[Seat], grant: ConsoleGrant) -> Seat | None:
    return next((seat for seat in here if str(seat.pk) == grant.ticket_id), None)


def _keeps_out(seat: Seat, grant: ConsoleGrant) -> bool:
    """Say whether that seat's owner wants to be alone; his own other consoles may stay."""
    return seat.is_alone and (bool(grant.link_id) or str(seat.user_id) != grant.user_id)


def _sitter(seat: Seat, own_id: str, user_id: str) -> Sitter:
    is_mine = str(seat.pk) == own_id or (bool(user_id) and str(seat.user_id) == user_id)
    knows_names = is_mine or bool(user_id)
    return Sitter(
        seat_id=str(seat.pk),
        name=seat.name if knows_names else "",
        kind=seat.kind,
        device=seat.device,
        has_control=seat.has_control,
        may_control=seat.may_control,
        asks=seat.asked_at is not None,
        is_guest=seat.link_id is not None,
        is_mine=is_mine,
    )


def _audit(grant: ConsoleGrant, action: str, other: str, **more: int) -> None:
    trail = consoles.trail_of(grant, action)
    audit.write(trail, AuditPhase.SUCCEEDED, other=other, **more)


class _Pulse:
    """When this process renewed its seats last. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_s = 0.0

    def is_due(self) -> bool:
        """Say so once every `BEAT_S` seconds."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._last_s < BEAT_S:
                return False
            self._last_s = now_s
            return True


_pulse = _Pulse()
