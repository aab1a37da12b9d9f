"""The consoles of one guest that are open, and how control moves among them; within a transaction.

It changes rows and asks nobody: services/seats.py has asked for rights and holds the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from django.utils import timezone

from vms.models import Seat


class Wish(StrEnum):
    """What somebody at a console wants."""

    CLAIM = "claim"
    """Control, where nobody has it, or where he has it himself at another console."""
    ASK = "ask"
    WITHDRAW = "withdraw"
    TAKE = "take"
    """Control, whoever has it."""
    GIVE = "give"
    DENY = "deny"
    RELEASE = "release"
    ALONE = "alone"
    """Nobody else may have a console of this guest."""
    SHARE = "share"


class Table:
    """The seats at a guest, as one of them sees it.

    `moved` says of a wish that moved control, by force or by agreement, who else it was about.
    """

    def __init__(self, mine: Seat, seats: list[Seat]) -> None:
        self.mine = mine
        place = (mine.kind, mine.device)
        self._here = [seat for seat in seats if (seat.kind, seat.device) == place]
        self.moved: str | None = None

    @property
    def holder(self) -> Seat | None:
        """Who has control of the same screen or port."""
        return next((seat for seat in self._here if seat.has_control), None)

    @property
    def first_asker(self) -> Seat | None:
        """Who has asked for it longest."""
        asking = ((seat.asked_at, seat) for seat in self._here if seat.asked_at is not None)
        return min(asking, key=lambda pair: pair[0], default=(None, None))[1]

    def do(self, wish: Wish, to: str) -> None:
        """Do what is wished; what the state does not allow changes nothing."""
        _ACTS[wish](self, to)

    def claim(self, _to: str) -> None:
        """Take what is free or one's own."""
        holder = self.holder
        if holder is None or (holder.user_id is not None and holder.user_id == self.mine.user_id):
            self._move(self.mine)

    def ask(self, _to: str) -> None:
        """Ask the holder; without one there is nobody to ask."""
        if self.holder is None:
            self._move(self.mine)
        elif not self.mine.has_control and self.mine.asked_at is None:
            _save(self.mine, asked_at=timezone.now())

    def withdraw(self, _to: str) -> None:
        """Ask no longer."""
        _save(self.mine, asked_at=None)

    def take(self, _to: str) -> None:
        """Take it by right."""
        holder = self.holder
        if holder is not self.mine:
            self._move(self.mine)
            self.moved = holder.name if holder else ""

    def give(self, to: str) -> None:
        """Hand control over."""
        other = self._other(to)
        if self.mine.has_control and other is not None and other.may_control:
            self._move(other)
            self.moved = other.name

    def deny(self, to: str) -> None:
        """Keep control."""
        other = self._other(to)
        if self.mine.has_control and other is not None:
            _save(other, asked_at=None)

    def release(self, _to: str) -> None:
        """Let control go, to who asked first, or to nobody."""
        if not self.mine.has_control:
            return
        first = self.first_asker
        if first is not None:
            self._move(first)
        else:
            _save(self.mine, has_control=False, is_alone=False)

    def alone(self, _to: str) -> None:
        """Keep all others out."""
        if self.mine.has_control and not self.mine.is_alone:
            _save(self.mine, is_alone=True)
            self.moved = ""

    def share(self, _to: str) -> None:
        """Let others in again."""
        _save(self.mine, is_alone=False)

    def _move(self, winner: Seat) -> None:
        """Let control change hands; who else asked for it asks the new one from now on."""
        holder = self.holder
        if holder is winner:
            return
        if holder is not None:  # first, because only one may have it
            _save(holder, has_control=False, is_alone=False)
        _save(winner, has_control=True, asked_at=None)
        for seat in self._here:
            if seat.asked_at is not None:
                _save(seat, asked_at=timezone.now())

    def _other(self, seat_id: str) -> Seat | None:
        others = (seat for seat in self._here if seat is not self.mine)
        return next((seat for seat in others if str(seat.pk) == seat_id), None)


_ACTS: dict[Wish, Callable[[Table, str], None]] = {
    Wish.CLAIM: Table.claim,
    Wish.ASK: Table.ask,
    Wish.WITHDRAW: Table.withdraw,
    Wish.TAKE: Table.take,
    Wish.GIVE: Table.give,
    Wish.DENY: Table.deny,
    Wish.RELEASE: Table.release,
    Wish.ALONE: Table.alone,
    Wish.SHARE: Table.share,
}


def _save(seat: Seat, **values: object) -> None:
    for name, value in values.items():
        setattr(seat, name, value)
    seat.save(update_fields=[*values])
