"""Publishing, from any thread: cheap, never waits, and silently nothing where no server runs.

`async_to_sync(group_send)` from a thread of ours may not be delivered for seconds on the in-memory
layer, hence `call_soon_threadsafe` on the loop that the server gave us at its start.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Mapping

import structlog
from channels.layers import get_channel_layer

from vms.hypervisor.types import HostLoad
from vms.live import recent
from vms.live.messages import (
    GROUP,
    Hint,
    HintKind,
    LoadTick,
    Numbers,
    Rates,
    Tick,
    Wire,
    hints_to_wire,
    load_to_wire,
    tick_to_wire,
)

log = structlog.get_logger(__name__)

MAX_WAITING = 20_000


class _Outbox:
    """What waits for the loop, one message per thing, so that it stays small whatever happens.

    All hints that gathered travel as one message, because the in-memory layer silently drops
    whatever exceeds 100. Messages are numbered; hubs notice one that is missing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Hint | Tick | LoadTick] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._sender = uuid.uuid4().hex
        self._number = 0
        self._is_failing = False

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send through that loop from now on; None: drop everything."""
        with self._lock:
            self._loop = loop
            self._task = None
            self._waiting.clear()

    def add(self, message: Hint | Tick | LoadTick) -> None:
        """Send a message soon; a later one about the same thing replaces it."""
        with self._lock:
            if self._loop is None:
                return
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.clear()
                self._number += 1  # a gap: pages look for themselves
            is_first = not self._waiting
            self._waiting[message.key] = message
            if is_first:
                self._call(self._loop)

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # the loop was closed a moment ago
            log.debug("live-loop-closed")

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        """Send until nothing waits: one after the other, so that they arrive in order."""
        while messages := self._take():
            hints = [each for each in messages if isinstance(each, Hint)]
            if hints:
                await self._send(hints_to_wire(hints))
            for each in messages:
                if isinstance(each, Tick):
                    await self._send(tick_to_wire(each))
                elif isinstance(each, LoadTick):
                    await self._send(load_to_wire(each))

    def _take(self) -> list[Hint | Tick | LoadTick]:
        with self._lock:
            messages = list(self._waiting.values())
            self._waiting.clear()
            return messages

    async def _send(self, message: Wire) -> None:
        self._number += 1
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            await layer.group_send(GROUP, message | {"from": self._sender, "n": self._number})
        except Exception as error:  # a top loop; each layer's backend raises errors of its own
            if not self._is_failing:
                log.warning("live-send-failed", error=str(error))
            self._is_failing = True
            return
        if self._is_failing:
            self._is_failing = False
            log.info("live-send-works-again")


_outbox = _Outbox()


def attach(loop: asyncio.AbstractEventLoop) -> None:
    """Take the server's loop; called once at its start."""
    _outbox.attach(loop)


def detach() -> None:
    """Forget the loop; what is published later is dropped."""
    _outbox.attach(None)


def vm_changed(vm_id: str, revision: int) -> None:
    """Say that a guest shows something new."""
    _outbox.add(Hint(HintKind.VM, vm_id, revision=revision))


def vm_gone(vm_id: str) -> None:
    """Say that a guest is no more."""
    recent.forget(vm_id)
    _outbox.add(Hint(HintKind.VM_GONE, vm_id))


def job_changed(vm_id: str | None, job_id: str, actor_id: str | None) -> None:
    """Say that a job made a step or ended."""
    _outbox.add(Hint(HintKind.JOB, job_id, vm_id=vm_id or "", actor_id=actor_id or ""))


def host_changed(host_id: str) -> None:
    """Say that a host went away, came back or shows something new."""
    _outbox.add(Hint(HintKind.HOST, host_id))


def rights_changed(user_id: str) -> None:
    """Say that a person may see or do something else than before."""
    _outbox.add(Hint(HintKind.RIGHTS, user_id))


def notices_changed(user_id: str) -> None:
    """Say that a person has a new notice, or has read some."""
    _outbox.add(Hint(HintKind.NOTICES, user_id))


def consoles_changed(vm_id: str) -> None:
    """Say that somebody opened or left a console of a guest."""
    _outbox.add(Hint(HintKind.CONSOLES, vm_id))


def things_changed(kind: str) -> None:
    """Say that templates, pools or people changed; `kind` is that word."""
    _outbox.add(Hint(HintKind.THINGS, kind))


def numbers(host_id: str, by_vm: Mapping[str, Numbers]) -> None:
    """Publish one tick of a host with all its running guests; one that went off has `Numbers()`,
    once.
    """
    rows = {vm_id: each.as_json() for vm_id, each in by_vm.items()}
    recent.record(by_vm, rows)
    for vm_id, each in by_vm.items():
        if each == Numbers():
            recent.forget(vm_id)
    _outbox.add(Tick(host_id, int(time.time() * 1000), rows))


def host_load(host_id: str, load: HostLoad, rates: Rates) -> None:
    """Publish the load of a host, and what its guests read, write, receive and send together."""
    recent.record_host_load(host_id, load)
    _outbox.add(LoadTick(host_id, load, rates))
