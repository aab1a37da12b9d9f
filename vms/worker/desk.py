"""What the threads that look after one host share."""

from __future__ import annotations

import threading

from vms.hypervisor import registry
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.types import EventKind, HostEvent
from vms.models import Host
from vms.worker.loops import Once

DOMAIN_KINDS = (EventKind.DOMAIN_CHANGED, EventKind.DOMAIN_REMOVED)
MOST_WAITING = 2000


class Inbox:
    """Events that wait to be followed: the last about each thing, in order of their arrival.

    All pools are one thing, and so are all networks. Thread-safe.
    """

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._waiting: dict[tuple[str, str], HostEvent] = {}

    def put(self, event: HostEvent) -> bool:
        """Take an event in; False when there is no room for it. Returns at once."""
        is_domain = event.kind in DOMAIN_KINDS
        key = ("domain", event.subject) if is_domain else (event.kind.value, "")
        with self._arrived:
            if self._waiting.pop(key, None) is None and len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting[key] = event
            self._arrived.notify()
        return True

    def take(self, timeout_s: float) -> list[HostEvent]:
        """Wait until something is there, for a limited time, and take all of it."""
        with self._arrived:
            if not self._waiting:
                self._arrived.wait(timeout_s)
            events, self._waiting = list(self._waiting.values()), {}
        return events


class Desk:
    """One host: its row, its connection, its events, and what keeps old news from winning.

    A listing takes time: who writes one holds `writing` and leaves out the domains of
    `touched_since`. Who reads and writes a single domain holds `writing` for both.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.host_id = str(host.pk)
        self.stop = threading.Event()
        self.listing = threading.Lock()
        """Held by whoever lists all domains: what came since is kept for one listing only."""
        self.writing = threading.Lock()
        self.wants_listing = threading.Event()
        self.events = Inbox()
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._once: dict[str, Once] = {}

    def once(self, what: str) -> Once:
        """What was said already about some trouble with this host."""
        return self._once.setdefault(what, Once())

    @property
    def connection(self) -> HostConnection:
        """The connection of this process to the host."""
        return registry.host_connection(self.host_id, self.host.uri)

    def put(self, event: HostEvent) -> None:
        """Take an event in; returns at once, from any thread."""
        if event.subject and event.kind in DOMAIN_KINDS:
            with self._lock:
                self._touched.add(event.subject)
        if not self.events.put(event):
            self.wants_listing.set()

    def begin_listing(self) -> None:
        """Forget what was touched before the listing that begins now."""
        with self._lock:
            self._touched.clear()

    def touched_since(self) -> frozenset[str]:
        """Return the UUIDs of domains about which events came since the listing began."""
        with self._lock:
            return frozenset(self._touched)
