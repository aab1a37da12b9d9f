"""Reads a whole host again from time to time, and its guests' IP addresses more often."""

from __future__ import annotations

import math
import time

from vms.hypervisor import domains
from vms.hypervisor.errors import HypervisorError
from vms.services import sync
from vms.worker import listing
from vms.worker.desk import Desk
from vms.worker.loops import repeat

TICK_S = 0.5
REFRESH_POOLS_S = 120.0
"""Files that somebody put into a pool's directory show up only after a refresh."""
ADDRESS_S = 15.0
NO_ADDRESS_S = 4.0
"""A guest that boots has none yet, and somebody may be waiting for it."""
LEAST_PER_TICK = 2
FACTS_S = 600.0
AGAIN_S = 5.0
"""After a listing that failed."""


class Reconciler:
    """Run `run` in a thread of its own until the desk's stop event is set."""

    def __init__(self, desk: Desk, interval_s: float) -> None:
        self._desk = desk
        self._interval_s = interval_s
        self._next_listing_s = 0.0
        self._next_refresh_s = 0.0
        self._next_facts_s = 0.0
        self._address_due_s: dict[str, float] = {}

    def run(self) -> None:
        """Keep the rows true."""
        repeat(self._step, self._desk.stop, TICK_S)

    def _step(self) -> None:
        try:
            if self._desk.wants_listing.is_set() or time.monotonic() >= self._next_listing_s:
                self._list()
            if time.monotonic() >= self._next_facts_s:
                self._next_facts_s = time.monotonic() + AGAIN_S
                if listing.facts(self._desk):
                    self._next_facts_s = time.monotonic() + FACTS_S
            self._ask_for_addresses()
        except HypervisorError as error:
            self._next_listing_s = min(self._next_listing_s, time.monotonic() + AGAIN_S)
            if isinstance(error, listing.UNREACHABLE):
                sync.host_away(self._desk.host, error)

    def _list(self) -> None:
        now_s = time.monotonic()
        if self._desk.wants_listing.is_set():
            self._desk.wants_listing.clear()
            self._next_facts_s = min(self._next_facts_s, now_s + AGAIN_S)
        self._next_listing_s = now_s + self._interval_s
        is_refresh_due = now_s >= self._next_refresh_s
        listing.everything(self._desk, refresh=is_refresh_due)
        if is_refresh_due:
            self._next_refresh_s = now_s + REFRESH_POOLS_S

    def _ask_for_addresses(self) -> None:
        """Ask for a few guests at a time: an agent that does not answer takes seconds."""
        known = sync.known_vms(self._desk.host)
        active = {domain_uuid for domain_uuid, vm in known.items() if vm.is_active}
        due = {domain_uuid: self._address_due_s.get(domain_uuid, 0.0) for domain_uuid in active}
        self._address_due_s = due
        now_s = time.monotonic()
        waiting = sorted((at_s, domain_uuid) for domain_uuid, at_s in due.items() if at_s <= now_s)
        most = max(LEAST_PER_TICK, math.ceil(len(active) * TICK_S / ADDRESS_S))
        for _at_s, domain_uuid in waiting[:most]:
            if self._desk.stop.is_set() or self._desk.wants_listing.is_set():
                return
            due[domain_uuid] = time.monotonic() + NO_ADDRESS_S
            found = domains.addresses(self._desk.connection, domain_uuid)
            if found:
                due[domain_uuid] = time.monotonic() + ADDRESS_S
            sync.observe_addresses(self._desk.host, domain_uuid, found)
