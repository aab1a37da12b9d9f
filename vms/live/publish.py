"""Publishing, from any thread: cheap, never waits, and silently nothing where no server runs.

`async_to_sync(group_send)` from a thread of ours may not be delivered for seconds on the in-memory
layer, hence `call_soon_threadsafe` on the loop that the server gave us at its start.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

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
    Tick,
    Wire,
    hints_to_wire,
    load_to_wire,
    tick_to_wire,
)

log = structlog.get_logger(__name__)


class _Outbox:
    """Hints that wait for the loop. One message carries all that gathered meanwhile, because the
    in-memory layer silently drops whatever exceeds 100 messages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Hint] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sends: set[asyncio.Task[None]] = set()

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Send through that loop from now on; None: drop everything."""
        with self._lock:
            self._loop = loop
            self._waiting.clear()

    def add(self, hint: Hint) -> None:
        """Send a hint soon; a later one about the same thing replaces it."""
        with self._lock:
            if self._loop is None:
                return
            is_first = not self._waiting
            self._waiting[hint.key] = hint
            if is_first:
                self._call(self._loop, self._flush)

    def send(self, message: Wire) -> None:
        """Send a message as it is."""
        with self._lock:
            if self._loop is not None:
                self._call(self._loop, lambda: self._start(message))

    @staticmethod
    def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
        try:
            loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop was closed a moment ago
            log.debug("live-loop-closed")

    def _flush(self) -> None:
        with self._lock:
            hints = list(self._waiting.values())
            self._waiting.clear()
        if hints:
            self._start(hints_to_wire(hints))

    def _start(self, message: Wire) -> None:
        task = asyncio.ensure_future(_group_send(message))
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)


async def _group_send(message: Wire) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(GROUP, message)
    except (OSError, RuntimeError) as error:
        log.warning("live-send-failed", error=str(error))


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


def things_changed(kind: str) -> None:
    """Say that templates, pools or people changed; `kind` is that word."""
    _outbox.add(Hint(HintKind.THINGS, kind))


def numbers(host_id: str, by_vm: Mapping[str, Numbers]) -> None:
    """Publish one tick of a host; a guest that went off is in it with `Numbers()`."""
    rows = {vm_id: each.as_json() for vm_id, each in by_vm.items()}
    recent.record(by_vm, rows)
    for vm_id, each in by_vm.items():
        if each == Numbers():
            recent.forget(vm_id)
    _outbox.send(tick_to_wire(Tick(host_id, int(time.time() * 1000), rows)))


def host_load(host_id: str, load: HostLoad) -> None:
    """Publish the load of a host."""
    recent.record_host_load(host_id, load)
    _outbox.send(load_to_wire(LoadTick(host_id, load)))
