"""From a thread to every socket of the process."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace

import pytest

from vms.hypervisor.types import HostLoad
from vms.live import hub as hubs
from vms.live import publish, recent
from vms.live.board import KEPT_TICKS, HostBoard
from vms.live.hub import Subscriber
from vms.live.messages import (
    UNKNOWN_ROW,
    Hint,
    HintKind,
    LoadTick,
    Lost,
    Numbers,
    Tick,
    from_wire,
    hints_to_wire,
)

RATES = (1.0, None, 3.0, 4.0)


def run_with_hub(body):
    """Run `body(subscriber)` on a loop with a hub that listens."""

    async def main():
        hub, subscriber = hubs.Hub(), Subscriber()
        publish.attach(asyncio.get_running_loop())
        await hub.start()
        hub.subscribe(subscriber)
        try:
            return await asyncio.wait_for(body(subscriber), 5)
        finally:
            publish.detach()
            await hub.stop()

    return asyncio.run(main())


def in_thread(function) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_publishing_without_a_loop_is_silently_nothing() -> None:
    publish.vm_changed("a", 1)
    publish.host_load("h", HostLoad(1.0, 2, 3), RATES)
    assert recent.host_load("h") == HostLoad(1.0, 2, 3)


def test_a_hint_from_a_thread_reaches_a_subscriber() -> None:
    async def body(subscriber):
        await asyncio.to_thread(publish.vm_changed, "a", 7)
        return await subscriber.take()

    assert run_with_hub(body) == [Hint(HintKind.VM, "a", revision=7)]


def test_a_thousand_hints_at_once_lose_none() -> None:
    async def body(subscriber):
        def burst():
            for number in range(1000):
                publish.vm_changed(f"vm-{number}", number)

        in_thread(burst)  # the loop stands still meanwhile
        seen = set()
        while len(seen) < 1000:
            seen |= {message.subject for message in await subscriber.take()}
        return seen

    assert len(run_with_hub(body)) == 1000


def test_a_later_hint_about_the_same_thing_replaces_the_earlier_one() -> None:
    subscriber = Subscriber()
    subscriber.offer(Hint(HintKind.VM, "a", revision=1))
    subscriber.offer(Hint(HintKind.VM_GONE, "a"))
    assert asyncio.run(subscriber.take()) == [Hint(HintKind.VM_GONE, "a")]


def test_a_slow_socket_loses_ticks_and_never_grows() -> None:
    subscriber = Subscriber()
    for at in range(10_000):
        subscriber.offer(Tick("host", at, {}))
    assert asyncio.run(subscriber.take()) == [Tick("host", 9_999, {})]
    for number in range(hubs.MAX_WAITING + 10):
        subscriber.offer(Hint(HintKind.VM, str(number)))
    assert subscriber.has_overflowed
    assert len(asyncio.run(subscriber.take())) == hubs.MAX_WAITING


def test_numbers_and_load_travel_whole() -> None:
    numbers = Numbers(2.345, 100.4, 200, "balloon", 1024, 0, 5e6, None)

    async def body(subscriber):
        in_thread(lambda: publish.numbers("h", {"a": numbers}))
        in_thread(lambda: publish.host_load("h", HostLoad(5.0, 1, 2), RATES))
        messages = []
        while len(messages) < 2:
            messages += await subscriber.take()
        return messages

    tick, load = run_with_hub(body)
    assert json.loads(tick.rows["a"]) == [2.3, 100, 200, 1024, 0, 5_000_000, None]
    assert load == LoadTick("h", HostLoad(5.0, 1, 2), RATES)
    assert recent.latest("a") == numbers


def test_the_history_keeps_the_last_sixty_ticks_and_forgets_a_guest_that_is_off() -> None:
    for percent in range(70):
        publish.numbers("h", {"b": Numbers(cpu_percent=float(percent))})
    assert [each.cpu_percent for each in recent.history("b")] == [float(n) for n in range(10, 70)]
    publish.numbers("h", {"b": Numbers()})
    assert recent.latest("b") is None
    assert recent.history("b") == []


def test_numbers_are_rounded_to_what_a_page_shows() -> None:
    assert Numbers().as_json() == UNKNOWN_ROW
    idle = Numbers(1.23, 100.2, 200, "rss", 40, 150, 102_390, 123_456)
    assert idle.as_json() == "[1.2,100,200,0,102,102400,123000]"
    assert replace(idle, cpu_percent=99.6).as_json().startswith("[100,")


def board_of(*ticks: dict[str, str]) -> HostBoard:
    board = HostBoard()
    for at, rows in enumerate(ticks):
        board.take(Tick("h", at, rows))
    return board


def test_the_board_knows_what_changed_with_the_last_tick_and_before() -> None:
    board = board_of({"a": "[1]", "b": "[1]"}, {"a": "[2]", "b": "[1]"}, {"a": "[2]", "b": "[2]"})
    assert board.changes({"a", "b"}, since=2) == ['"b":[2]']
    assert sorted(board.changes({"a", "b"}, since=1)) == ['"a":[2]', '"b":[2]']
    assert board.changes({"a"}, since=2) == []
    assert board.changes({"a", "b"}, since=3) == []


def test_a_guest_that_is_missing_from_a_tick_is_off_and_forgotten_in_time() -> None:
    board = board_of({"a": "[1]", "b": "[1]"}, {"b": "[1]"})
    assert board.changes({"a", "b"}, since=1) == [f'"a":{UNKNOWN_ROW}']
    assert board.everything({"a", "b"}) == ['"b":[1]']
    for at in range(KEPT_TICKS + 2):
        board.take(Tick("h", at, {"b": "[1]"}))
    assert board._rows.keys() == board._members.keys() == board._changed_at.keys() == {"b"}
    assert not board.can_continue(1)


def test_a_burst_that_nobody_can_send_stays_small_and_is_told_as_lost(monkeypatch) -> None:
    monkeypatch.setattr(publish, "MAX_WAITING", 50)

    async def body(subscriber):
        publish.vm_changed("first", 1)
        await subscriber.take()

        def burst():
            for number in range(130):
                publish.vm_changed(f"vm-{number}", number)
            assert len(publish._outbox._waiting) <= 50

        in_thread(burst)
        return await subscriber.take()

    assert Lost() in run_with_hub(body)


@pytest.mark.parametrize("message", [{}, {"type": "live.of-tomorrow", "x": 1}])
def test_an_unknown_message_of_another_version_is_nothing(message) -> None:
    assert from_wire(message) == []


def test_every_kind_of_hint_survives_the_wire() -> None:
    hints = [Hint(kind, "x", 3, "vm", "actor") for kind in HintKind]
    assert from_wire(json.loads(json.dumps(hints_to_wire(hints)))) == hints
