"""Consoles that come through gateways, as far as recording goes: they count as somebody there."""

from __future__ import annotations

import asyncio

import structlog

from vms.live.hub import Subscriber, hub
from vms.live.messages import Hint, HintKind, Message
from vms.services import gateways
from vms.streams import threads
from vms.streams.studio import Attendance, studio

log = structlog.get_logger(__name__)


class _Inbox(Subscriber):
    """Keeps hints about who sits at consoles."""

    def offer(self, message: Message) -> None:
        """Put such a hint in."""
        if isinstance(message, Hint) and message.kind is HintKind.CONSOLES:
            super().offer(message)


class Usher:
    """Runs while the server does; see `usher` below."""

    def __init__(self) -> None:
        self._inbox = _Inbox()
        self._present: dict[str, dict[str, Attendance]] = {}
        self._guards: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._inbox = _Inbox()
        hub.subscribe(self._inbox)
        self._task = asyncio.create_task(self._run(), name="usher")

    async def stop(self) -> None:
        """Look no more."""
        hub.unsubscribe(self._inbox)
        tasks = [*self._guards, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for message in await self._inbox.take():
                try:
                    await self._look(message.key[1])
                except Exception:  # a top loop: the next hint is another guest
                    log.exception("usher-failed")

    async def _look(self, vm_id: str) -> None:
        """Bring who is counted there in line with who is there."""
        grants = await threads.read(gateways.open_grants, vm_id)
        present = self._present.setdefault(vm_id, {})
        for key in present.keys() - grants.keys():
            present.pop(key).leave()
        for key in grants.keys() - present.keys():
            present[key] = attendance = studio.attend(grants[key])
            guard = asyncio.create_task(_guard(key, attendance))
            self._guards.add(guard)
            guard.add_done_callback(self._guards.discard)
        if not present:
            del self._present[vm_id]


async def _guard(console_id: str, attendance: Attendance) -> None:
    """Have a console end whose recording must be and cannot."""
    ending = await attendance.broken()
    await threads.read(gateways.ask_to_end, console_id=console_id, reason=ending.reason)


usher = Usher()
