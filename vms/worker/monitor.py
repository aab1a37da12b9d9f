"""Turns the events of one host into rows: one thread, which reads again what an event was about."""

from __future__ import annotations

import queue

import structlog

from vms.hypervisor import domains, networks
from vms.hypervisor.errors import DomainNotFound, HostAway, HypervisorError
from vms.hypervisor.events import EventFeed
from vms.hypervisor.types import EventKind, HostEvent
from vms.services import sync
from vms.worker import listing
from vms.worker.desk import Desk
from vms.worker.loops import repeat

log = structlog.get_logger(__name__)

WAIT_S = 0.5
DOMAIN_KINDS = (EventKind.DOMAIN_CHANGED, EventKind.DOMAIN_REMOVED)


class Monitor:
    """Run `run` in a thread of its own until the desk's stop event is set."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._feed = EventFeed(desk.connection, desk.put)

    def run(self) -> None:
        """Feed on events. The feed itself follows the connection when it is lost and made anew."""
        self._feed.start()
        try:
            repeat(self._step, self._desk.stop, pause_s=0)
        finally:
            self._feed.stop()

    def _step(self) -> None:
        for event in self._take():
            if self._desk.stop.is_set():
                return
            try:
                self._handle(event)
            except HypervisorError as error:
                # The next listing makes up for it, and the sampler sees whether the host is away.
                log.info("event-not-followed", kind=event.kind, code=error.code)
                self._desk.wants_listing.set()

    def _take(self) -> list[HostEvent]:
        """Wait for an event, then take all that are there, each thing once, in order."""
        try:
            events = [self._desk.events.get(timeout=WAIT_S)]
        except queue.Empty:
            self._feed.ensure()
            return []
        while True:
            try:
                events.append(self._desk.events.get_nowait())
            except queue.Empty:
                return coalesced(events)

    def _handle(self, event: HostEvent) -> None:
        desk = self._desk
        if event.kind in DOMAIN_KINDS:
            self._read_domain(event.subject)
        elif event.kind is EventKind.POOL_CHANGED:
            listing.pools(desk, refresh=False)
        elif event.kind is EventKind.NETWORK_CHANGED:
            sync.observe_networks(desk.host, networks.list_all(desk.connection))
        elif event.kind is EventKind.CONNECTION_LOST:
            sync.host_away(desk.host, HostAway(reason=event.detail))
        elif event.kind is EventKind.CONNECTION_MADE:
            desk.wants_listing.set()

    def _read_domain(self, domain_uuid: str) -> None:
        """Look again, whatever the event said: a domain undefined while it runs is still there."""
        with self._desk.writing:
            try:
                record = domains.get(self._desk.connection, domain_uuid)
            except DomainNotFound:
                sync.forget_domain(self._desk.host, domain_uuid)
            else:
                sync.observe_domain(self._desk.host, record)


def coalesced(events: list[HostEvent]) -> list[HostEvent]:
    """Keep the last event about each thing; all pools are one thing, and so are all networks."""
    last: dict[tuple[str, str], HostEvent] = {}
    for event in events:
        kind = "domain" if event.kind in DOMAIN_KINDS else event.kind.value
        key = (kind, event.subject if kind == "domain" else "")
        last.pop(key, None)
        last[key] = event
    return list(last.values())
