"""Bursts of events, and old news against new."""

from __future__ import annotations

from types import SimpleNamespace

from vms.hypervisor.types import EventKind, HostEvent
from vms.worker.desk import MOST_WAITING, Desk, Inbox


def changed(subject: str, detail: str = "") -> HostEvent:
    return HostEvent(EventKind.DOMAIN_CHANGED, subject, detail)


def waiting(*events: HostEvent) -> list[HostEvent]:
    inbox = Inbox()
    for event in events:
        inbox.put(event)
    return inbox.take(0)


def test_a_burst_about_one_domain_is_read_once() -> None:
    burst = [changed("a", "started"), changed("b"), changed("a", "agent"), changed("a", "balloon")]
    assert waiting(*burst) == [changed("b"), changed("a", "balloon")]


def test_removed_and_changed_are_about_the_same_domain() -> None:
    gone = HostEvent(EventKind.DOMAIN_REMOVED, "a")
    assert waiting(changed("a"), gone) == [gone]


def test_all_pools_are_listed_once() -> None:
    assert len(waiting(*(HostEvent(EventKind.POOL_CHANGED, name) for name in ("p", "q")))) == 1


def test_a_lost_connection_that_is_back_counts_as_both() -> None:
    events = [HostEvent(EventKind.CONNECTION_LOST), HostEvent(EventKind.CONNECTION_MADE)]
    assert waiting(*events) == events


def test_events_that_nobody_follows_cost_no_memory_and_lead_to_a_listing() -> None:
    desk = Desk(SimpleNamespace(pk="h", uri="test:///default"))
    for number in range(MOST_WAITING):
        desk.put(changed(str(number)))
    assert not desk.wants_listing.is_set()
    desk.put(changed("one more"))
    desk.put(changed("0", "again"))
    assert desk.wants_listing.is_set()
    assert len(desk.events.take(0)) == MOST_WAITING
    assert desk.events.take(0) == []


def test_a_listing_knows_what_came_since_it_began() -> None:
    desk = Desk(SimpleNamespace(pk="h", uri="test:///default"))
    desk.put(changed("before"))
    desk.begin_listing()
    desk.put(changed("since"))
    desk.put(HostEvent(EventKind.POOL_CHANGED, "pool"))
    assert desk.touched_since() == {"since"}
