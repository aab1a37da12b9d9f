"""The seat of one console: what its page is told of control, and what it wishes.

Both travel as text messages on the console's own websocket, beside the bytes of the picture: it
needs no session, so that links and tokens have it too, and no message overtakes the change that it
is about. Text goes only to who offered the subprotocol "seats": other RFB clients know none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from django.utils import timezone

from vms.problems import Refused
from vms.rfb.doors import SEATS_SUBPROTOCOL
from vms.services import seats
from vms.services.consoles import ConsoleGrant
from vms.services.seats import Seating
from vms.services.table import Wish
from vms.streams import threads
from vms.streams.closing import BROWSER_GONE, Ending, Send
from vms.streams.limits import Clock
from vms.streams.together import Together

log = structlog.get_logger(__name__)

SUBPROTOCOL = SEATS_SUBPROTOCOL
MAX_TEXT = 1024
MAX_WAITING = 16
"""Wishes that were not granted yet; more at once is nobody's finger."""
NONSENSE = Ending(4500, "no-such-wish")
WISHES = frozenset(Wish)
looks: Together[ConsoleGrant, Seating] = Together(seats.look_at_all)
"""Two hundred consoles that look one by one every few seconds keep a core busy with queries."""


class Switchable(Protocol):
    """A relay whose browser may be given control, and lose it."""

    async def switch(self, *, has_control: bool) -> bool: ...
    def idle_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class _Said:
    """A wish as it came."""

    wish: Wish
    to: str


class Keeper:
    """Applies what is true of a seat to its relay, tells the page, and hears the page.

    Belongs to the loop. `look` asks the database anew.
    """

    def __init__(self, grant: ConsoleGrant, send: Send, *, speaks: bool, clock: Clock) -> None:
        self._grant, self._send, self._speaks = grant, send, speaks
        self._clock = clock
        self._seating = Seating()
        self._last = ""
        self._changed = asyncio.Event()
        self._said: asyncio.Queue[_Said] = asyncio.Queue(MAX_WAITING)

    @property
    def hears(self) -> Callable[[str], Ending | None] | None:
        """What takes the page's text messages; None where text is no part of the talk."""
        return self.hear if self._speaks else None

    async def look(self, relay: Switchable) -> str:
        """Look at the seat and apply it; "" or why the console must end."""
        seating = await looks.ask(self._grant)
        if seating.ending:
            return seating.ending
        if self._is_request_late(seating):
            # Whoever has used the guest since the question came has answered it by that.
            asked_s = (timezone.now() - (seating.asked_at or timezone.now())).total_seconds()
            is_idle = relay.idle_s() >= asked_s
            await threads.read(lambda: seats.answer_for_silence(grant=self._grant, is_idle=is_idle))
            seating = await looks.ask(self._grant)
        await relay.switch(has_control=seating.has_control)
        self._seating = seating
        self._changed.set()
        return seating.ending

    def next_s(self, longest_s: float) -> float:
        """Return for how long nothing is due."""
        asked_at = self._seating.asked_at
        if asked_at is None:
            return longest_s
        left_s = seats.ASK_S - (timezone.now() - asked_at).total_seconds()
        return min(longest_s, max(0.05, left_s + 0.05))

    def _is_request_late(self, seating: Seating) -> bool:
        if seating.asked_at is None:
            return False
        return (timezone.now() - seating.asked_at).total_seconds() >= seats.ASK_S

    def remind(self) -> None:
        """Tell the page anew, because of the clock."""
        self._changed.set()

    def hear(self, text: str) -> Ending | None:
        """Take a message of the page; an ending when it is none."""
        try:
            said = json.loads(text) if len(text) <= MAX_TEXT else None
        except ValueError:
            said = None
        kind = said.get("t") if isinstance(said, dict) else None
        if kind == "here":
            self._clock.here()
            return None
        if not isinstance(said, dict) or kind not in WISHES:
            return NONSENSE
        with contextlib.suppress(asyncio.QueueFull):
            self._said.put_nowait(_Said(Wish(str(kind)), str(said.get("to", ""))))
        return None

    def parts(self) -> list[Coroutine[Any, Any, Ending]]:
        """What runs beside the pumps."""
        return [self._tell(), self._grant_wishes()] if self._speaks else []

    async def _grant_wishes(self) -> Ending:
        while True:
            said = await self._said.get()
            with contextlib.suppress(Refused):
                await threads.read(seats.act, grant=self._grant, wish=said.wish, to=said.to)

    async def _tell(self) -> Ending:
        """Tell the page what is true, the latest only: a slow page misses what is over."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            text = json.dumps(
                seats.words(self._seating, self._clock.warning()), separators=(",", ":")
            )
            if text == self._last:
                continue
            self._last = text
            try:
                await self._send({"type": "websocket.send", "text": text})
            except OSError:
                return BROWSER_GONE
