"""Turns the events of one host into rows: one thread, which reads again what an event was about."""

from __future__ import annotations

import structlog

from vms.hypervisor import domains, networks
from vms.hypervisor.errors import DomainNotFound, HostAway, HypervisorError
from vms.hypervisor.events import EventFeed
from vms.hypervisor.types import EventKind, HostEvent
from vms.services import sync
from vms.worker import listing
from vms.worker.desk import DOMAIN_KINDS, Desk
from vms.worker.loops import Once, repeat

log = structlog.get_logger(__name__)

WAIT_S = 0.5
MOST_ONE_BY_ONE = 25
"""Of so many domains at once, one listing is cheaper than reading and writing each."""


class Monitor:
    """Run `run` in a thread of its own until the desk's stop event is set."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._feed = EventFeed(desk.connection, desk.put)
        self._once = Once()

    def run(self) -> None:
        """Feed on events. The feed itself follows the connection when it is lost and made anew."""
        self._feed.start()
        try:
            repeat(self._step, self._desk.stop, pause_s=0)
        finally:
            self._feed.stop()

    def _step(self) -> None:
        events = self._desk.events.take(WAIT_S)
        if not events:
            self._feed.ensure()
        elif sum(event.kind in DOMAIN_KINDS for event in events) > MOST_ONE_BY_ONE:
            self._follow([HostEvent(EventKind.DOMAIN_CHANGED), *_of_others(events)])
        else:
            self._follow(events)

    def _follow(self, events: list[HostEvent]) -> None:
        """Follow events in order; what cannot be is made up for by the next listing."""
        for event in events:
            if self._desk.stop.is_set():
                return
            try:
                self._handle(event)
            except HypervisorError as error:
                # The sampler sees whether the host is away.
                if self._once.is_news(error.code):
                    log.info("event-not-followed", kind=event.kind, code=error.code)
                self._desk.wants_listing.set()
                if isinstance(error, listing.UNREACHABLE):
                    return
            else:
                self._once.over()

    def _handle(self, event: HostEvent) -> None:
        desk = self._desk
        if event.kind in DOMAIN_KINDS and not event.subject:
            listing.everyone(desk)
        elif event.kind in DOMAIN_KINDS:
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


def _of_others(events: list[HostEvent]) -> list[HostEvent]:
    return [event for event in events if event.kind not in DOMAIN_KINDS]
