"""Bursts of events, and old news against new."""

from __future__ import annotations

from types import SimpleNamespace

from vms.hypervisor.types import EventKind, HostEvent
from vms.worker.desk import Desk
from vms.worker.monitor import coalesced


def changed(subject: str, detail: str = "") -> HostEvent:
    return HostEvent(EventKind.DOMAIN_CHANGED, subject, detail)


def test_a_burst_about_one_domain_is_read_once() -> None:
    burst = [changed("a", "started"), changed("b"), changed("a", "agent"), changed("a", "balloon")]
    assert coalesced(burst) == [changed("b"), changed("a", "balloon")]


def test_removed_and_changed_are_about_the_same_domain() -> None:
    gone = HostEvent(EventKind.DOMAIN_REMOVED, "a")
    assert coalesced([changed("a"), gone]) == [gone]


def test_all_pools_are_listed_once() -> None:
    pools = [HostEvent(EventKind.POOL_CHANGED, name) for name in ("p", "q", "r")]
    assert len(coalesced(pools)) == 1


def test_a_lost_connection_that_is_back_counts_as_both() -> None:
    events = [HostEvent(EventKind.CONNECTION_LOST), HostEvent(EventKind.CONNECTION_MADE)]
    assert coalesced(events) == events


def test_a_listing_knows_what_came_since_it_began() -> None:
    desk = Desk(SimpleNamespace(pk="h", uri="test:///default"))
    desk.put(changed("before"))
    desk.begin_listing()
    desk.put(changed("since"))
    desk.put(HostEvent(EventKind.POOL_CHANGED, "pool"))
    assert desk.touched_since() == {"since"}
