"""The hub of this process: it alone listens to the channel layer, and tells all sockets.

Everything here runs on the server's loop. A socket that is slow loses ticks and sees hints merged;
memory does not grow.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog
from channels.layers import get_channel_layer

from vms.live.board import Board
from vms.live.messages import GROUP, Lost, Message, Tick, Wire, from_wire

log = structlog.get_logger(__name__)

MAX_WAITING = 5000
RENEW_S = 600.0
"""The in-memory layer forgets a member of a group after a day, or when it was slow once."""
AFTER_ERROR_S = 1.0


class Subscriber:
    """What waits for one socket, one message per thing: a later one replaces an earlier one."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Message] = {}
        self._arrived = asyncio.Event()
        self.has_overflowed = False

    def offer(self, message: Message) -> None:
        """Put a message in; past `MAX_WAITING` things the socket counts as overflowed."""
        if len(self._waiting) >= MAX_WAITING and message.key not in self._waiting:
            self.has_overflowed = True
        else:
            self._waiting[message.key] = message
        self._arrived.set()

    def wake(self) -> None:
        """Let `take` return, also with nothing."""
        self._arrived.set()

    async def take(self) -> list[Message]:
        """Wait until there is something, then take all of it."""
        await self._arrived.wait()
        self._arrived.clear()
        messages = list(self._waiting.values())
        self._waiting.clear()
        return messages


class Hub:
    """One per process; see `hub` below."""

    def __init__(self) -> None:
        self.board = Board()
        self._subscribers: set[Subscriber] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._membership: tuple[Any, str] | None = None  # Any: a layer of any backend
        self._heard: dict[str, int] = {}
        self._is_failing = False

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand every message to that subscriber too."""
        self._subscribers.add(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Stop doing so; one that is not subscribed is fine."""
        self._subscribers.discard(subscriber)

    @property
    def subscriber_count(self) -> int:
        """How many sockets listen."""
        return len(self._subscribers)

    async def start(self) -> None:
        """Join the group and begin to listen."""
        layer = get_channel_layer()
        if layer is None:
            return
        channel = await layer.new_channel("hub")
        await layer.group_add(GROUP, channel)
        self._membership = layer, channel
        self._tasks = [
            asyncio.create_task(self._listen(layer, channel), name="live-hub"),
            asyncio.create_task(self._renew(layer, channel), name="live-hub-renew"),
        ]

    async def stop(self) -> None:
        """Stop listening, and leave the group."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._membership is not None:
            layer, channel = self._membership
            self._membership = None
            with contextlib.suppress(Exception):  # the end: its backend may be gone already
                await layer.group_discard(GROUP, channel)

    def dispatch(self, messages: list[Message]) -> None:
        """Put ticks on the board, and hand messages to every subscriber."""
        for message in messages:
            if isinstance(message, Tick):
                self.board.take(message)
        for subscriber in list(self._subscribers):
            for message in messages:
                subscriber.offer(message)

    def hear(self, wire: Wire) -> None:
        """Dispatch what the layer carried, and before it that something is missing, if so."""
        if self._is_gap(wire):
            self.dispatch([Lost()])
        self.dispatch(from_wire(wire))

    def _is_gap(self, wire: Wire) -> bool:
        """A layer that is full drops messages silently; each process numbers those it sends."""
        sender, number = wire.get("from"), wire.get("n")
        if not isinstance(sender, str) or not isinstance(number, int):
            return False
        expected = self._heard.get(sender, number - 1) + 1
        self._heard[sender] = max(number, expected - 1)
        if number <= expected:
            return False
        log.warning("live-messages-lost", count=number - expected)
        return True

    async def _listen(self, layer: Any, channel: str) -> None:  # Any: a layer of any backend
        while True:
            try:
                self.hear(await layer.receive(channel))
                self._is_failing = False
            except Exception:  # the top loop of everything that is pushed
                if not self._is_failing:
                    log.exception("live-hub-failed")
                self._is_failing = True
                await asyncio.sleep(AFTER_ERROR_S)

    async def _renew(self, layer: Any, channel: str) -> None:  # Any: as above
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await layer.group_add(GROUP, channel)
            except Exception as error:  # a top loop, as above
                log.warning("live-group-not-renewed", error=str(error))


hub = Hub()
