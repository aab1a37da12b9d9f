"""What the threads that look after one host share."""

from __future__ import annotations

import queue
import threading

from vms.hypervisor import registry
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.types import EventKind, HostEvent
from vms.models import Host


class Desk:
    """One host: its row, its connection, its events, and what keeps old news from winning.

    A listing takes time: who writes one holds `writing` and leaves out the domains of
    `touched_since`. Who reads and writes a single domain holds `writing` for both.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.host_id = str(host.pk)
        self.stop = threading.Event()
        self.writing = threading.Lock()
        self.wants_listing = threading.Event()
        self.events: queue.Queue[HostEvent] = queue.Queue()
        self._lock = threading.Lock()
        self._touched: set[str] = set()

    @property
    def connection(self) -> HostConnection:
        """The connection of this process to the host."""
        return registry.host_connection(self.host_id, self.host.uri)

    def put(self, event: HostEvent) -> None:
        """Take an event in; returns at once, from any thread."""
        if event.subject and event.kind in (EventKind.DOMAIN_CHANGED, EventKind.DOMAIN_REMOVED):
            with self._lock:
                self._touched.add(event.subject)
        self.events.put(event)

    def begin_listing(self) -> None:
        """Forget what was touched before the listing that begins now."""
        with self._lock:
            self._touched.clear()

    def touched_since(self) -> frozenset[str]:
        """Return the UUIDs of domains about which events came since the listing began."""
        with self._lock:
            return frozenset(self._touched)
