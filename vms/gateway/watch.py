"""Tells the site every few seconds that a console is open and what its page says, and hears what
is to be done with it.

A thread beside the relay, so that neither waits for the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from vms.gateway.site import Console, News, Orders, Refused, Site, SiteAway
from vms.rfb.doors import BY_REASON, HOST_AWAY, REVOKED, Ending

log = logging.getLogger(__name__)

ASK_S = 2.5
PATIENCE_S = 60.0
"""So long a console stays open while the site does not answer: a restart takes less."""
MAX_SAID = 16
MAX_TEXT = 1000


class Meter:
    """What has passed; written by the relay, read by the watch."""

    def __init__(self) -> None:
        self.bytes_in = 0
        """From the browser."""
        self.bytes_out = 0
        """To the browser."""
        self.acted_s = time.monotonic()
        """When keys or pointer were used last, or the page said that somebody is there."""


class Watch:
    """Asks until it is stopped. `ending` is set when the console is to end.

    `orders` are the latest; `wake` is called when there are other ones.
    """

    def __init__(
        self, site: Site, console: Console, meter: Meter, wake: Callable[[], None]
    ) -> None:
        self._site, self._console, self._meter, self._wake = site, console, meter, wake
        self._due = threading.Event()
        self._is_over = False
        self._said: deque[str] = deque(maxlen=MAX_SAID)
        self._heard_s = time.monotonic()
        self.ending: Ending | None = None
        self.orders = Orders("", console.has_control, "")
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self, *, is_talk: bool) -> None:
        """Begin to ask; at once, where the page waits for a word."""
        if is_talk:
            self._due.set()
        self._thread.start()

    def say(self, text: str) -> None:
        """Hand on what the page says, at once."""
        if '"here"' in text:
            self._meter.acted_s = time.monotonic()
        elif len(text) <= MAX_TEXT:
            self._said.append(text)
            self._due.set()

    def stop(self, reason: str) -> None:
        """Ask no more, and say how it ended."""
        self._is_over = True
        self._due.set()
        self._thread.join(10)
        try:
            self._site.closed(
                self._console.id,
                reason=reason,
                bytes_in=self._meter.bytes_in,
                bytes_out=self._meter.bytes_out,
            )
        except (Refused, SiteAway) as error:
            log.warning("the end of console %s was not reported: %s", self._console.id, error)
        self._site.close()

    def _run(self) -> None:
        while True:
            self._due.wait(ASK_S)
            self._due.clear()
            if self._is_over:
                return
            before = self.orders
            self.ending = self._ask()
            if self.ending is not None or self.orders != before:
                self._wake()
            if self.ending is not None:
                return

    def _ask(self) -> Ending | None:
        said = []
        while self._said:
            said.append(self._said.popleft())
        meter = self._meter
        idle_s = time.monotonic() - meter.acted_s
        try:
            self.orders = self._site.still(
                self._console.id, News(meter.bytes_in, meter.bytes_out, idle_s, tuple(said))
            )
        except Refused:
            return REVOKED
        except SiteAway as error:
            is_late = time.monotonic() - self._heard_s > PATIENCE_S
            log.warning("the site is away: %s", error)
            return HOST_AWAY if is_late else None
        self._heard_s = time.monotonic()
        reason = self.orders.end
        return BY_REASON.get(reason, REVOKED) if reason else None
