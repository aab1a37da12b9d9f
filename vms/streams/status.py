"""The status socket: what changed, and the numbers, of exactly those guests that its user may see.

It carries hints: what a thing looks like now, the page fetches through a door that checks rights.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from vms.live import gauges, recent
from vms.live.hub import Subscriber, hub
from vms.live.messages import Hint, HintKind, LoadTick, Lost, Message, Tick
from vms.streams import closing, sights, threads, visitors
from vms.streams.numbers import NumberFrames
from vms.streams.sights import Sight

log = structlog.get_logger(__name__)

RECHECK_S = 5.0
MAX_WATCHED = 5000
MAX_MESSAGES_PER_CHECK = 200
PACKED_FROM = 20


class StatusConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels ships no types
    """One status socket of one browser tab."""

    channel_layer_alias = "none"
    """The hub listens for all sockets; Channels would make a queue and a task for each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as the base class
        super().__init__(*args, **kwargs)
        self._inbox = Subscriber()
        self._sight: Sight | None = None
        self._numbers = NumberFrames()
        self._check: asyncio.TimerHandle | None = None
        self._is_check_due = False
        self._task: asyncio.Task[None] | None = None
        self._received = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # Any: ASGI's shapes
        """Serve one socket, and leave nothing behind however it ends."""
        try:
            await super().__call__(scope, receive, send)
        except OSError:
            log.debug("status-browser-gone")
        finally:
            self._leave()

    async def connect(self) -> None:
        """Accept a logged-in user who comes from the site itself, nobody else."""
        self._handshake = visitors.handshake(self.scope)
        sight = None
        if self._handshake.has_trusted_origin:
            # Before looking: what changes meanwhile waits in the inbox.
            hub.subscribe(self._inbox)
            sight = await self._look(time.monotonic())
        if sight is None:
            hub.unsubscribe(self._inbox)
            await self.close()
            return
        self._see(sight)
        await self.accept()
        await self._say({"t": "hello", "tick_s": settings.KVMWEB.sample_interval_s})
        self._task = asyncio.create_task(self._run(), name="status")
        gauges.status_sockets.inc()

    async def disconnect(self, _code: int) -> None:
        """Forget the socket."""
        self._leave()

    def _leave(self) -> None:
        hub.unsubscribe(self._inbox)
        if self._check is not None:
            self._check.cancel()
        if self._task is not None:
            self._task.cancel()
            self._task = None
            gauges.status_sockets.dec()
        if self._sight is not None:
            self._sight.view.sockets -= 1
            self._sight = None

    def _see(self, sight: Sight) -> None:
        sight.view.sockets += 1
        if self._sight is not None:
            self._sight.view.sockets -= 1
        self._sight = sight

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a wish of the page; what is not understood is nothing."""
        self._received += 1
        if self._received > MAX_MESSAGES_PER_CHECK:
            await self.close(closing.TOO_SLOW.code)
            return
        try:
            wish = json.loads(text_data or "")
        except ValueError:
            return
        if not isinstance(wish, dict):
            return
        if wish.get("t") == "watch":
            await self._watch(wish.get("ids"))
        elif wish.get("t") == "visible":
            self._numbers.show(bool(wish.get("on")))
            self._inbox.wake()
        elif wish.get("t") == "ping":
            await self._say({"t": "pong"})

    async def _watch(self, ids: object) -> None:
        """Send the history of guests; numbers to come are sent of all that may be seen anyway."""
        if not isinstance(ids, list):
            return
        texts = [each for each in ids[:MAX_WATCHED] if isinstance(each, str)]
        seen = [each for each in dict.fromkeys(texts) if each in self._seen.vm_ids]
        rows = ((each, recent.history_json(each)) for each in seen)
        await self._send_text(f'{{"t":"history","vms":{_members(rows)}}}')

    async def _run(self) -> None:
        """Send what arrives, and look again every `RECHECK_S` seconds, until the user is gone."""
        try:
            self._check_later()
            while not self._inbox.has_overflowed:
                if not await self._step(await self._inbox.take()):
                    return
            await self.close(closing.TOO_SLOW.code)
        except OSError:
            log.debug("status-browser-gone")
        except Exception:  # top loop of a socket: the page connects anew
            log.exception("status-failed")
            await self.close(closing.FAILED.code)
        finally:
            hub.unsubscribe(self._inbox)

    async def _step(self, messages: list[Message]) -> bool:
        """Tell the page of these messages; False when nobody is there any more."""
        now_s = time.monotonic()
        if any(self._is_about_rights(message) for message in messages):
            is_there = await self._look_again(messages, now_s)
        elif self._is_check_due:
            is_there = await self._look_again(messages, now_s - RECHECK_S)
        else:
            is_there = True
        if self._is_check_due:
            self._check_later()
        if is_there:
            for text in self._frames(messages):
                await self._send_text(text)
        return is_there

    def _check_later(self) -> None:
        """Have `_step` look again in `RECHECK_S` seconds: hints may get lost, sessions end."""
        self._received = 0
        self._is_check_due = False
        self._check = asyncio.get_running_loop().call_later(RECHECK_S, self._check_now)

    def _check_now(self) -> None:
        self._is_check_due = True
        self._inbox.wake()

    def _is_about_rights(self, message: Message) -> bool:
        """Say whether what may be seen can have changed."""
        if isinstance(message, Lost):
            return True
        if not isinstance(message, Hint):
            return False
        match message.kind:
            case HintKind.RIGHTS:
                return message.subject == str(self._seen.person.user.pk)
            case HintKind.VM:
                view = self._seen.view
                return message.subject not in view.vm_ids and message.subject not in view.unseen
            case HintKind.VM_GONE:
                return message.subject in self._seen.vm_ids
        return False

    @property
    def _seen(self) -> Sight:
        if self._sight is None:
            raise BrokenPipeError("the socket has ended")
        return self._sight

    async def _look(self, since_s: float) -> Sight | None:
        handshake = self._handshake
        return await threads.read(sights.look, handshake.session_key, handshake.address, since_s)

    async def _look_again(self, messages: Iterable[Message], since_s: float) -> bool:
        """Refresh what may be seen and tell the page the difference; False when nobody is there."""
        sight = await self._look(since_s)
        if sight is None:
            why = await threads.read(visitors.absence, self._seen.person.user)
            await self._say({"t": "bye", "why": why})
            await self.close(closing.LOGGED_OUT.code)
            return False
        before = self._seen.vm_ids
        self._see(sight)
        hints = [message for message in messages if isinstance(message, Hint)]
        sight.view.leave_out({hint.subject for hint in hints if hint.kind is HintKind.VM})
        if before is sight.vm_ids:
            return True
        added = sight.vm_ids - before
        told = {hint.subject for hint in hints}
        news = [_json({"t": "gone", "id": vm_id}) for vm_id in before - sight.vm_ids]
        news += [_json({"t": "vm", "id": vm_id, "rev": 0}) for vm_id in added - told]
        for text in (*_packed(news), *self._numbers.added(hub.board, added)):
            await self._send_text(text)
        return True

    def _frames(self, messages: Iterable[Message]) -> Iterable[str]:
        hints = [text for message in messages if (text := self._hint(message))]
        ticks = [message.host_id for message in messages if isinstance(message, Tick)]
        loads = [message for message in messages if isinstance(message, LoadTick)]
        yield from _packed(hints)
        yield from self._numbers.next(hub.board, self._seen.view, ticks)
        if self._numbers.is_shown and self._seen.has_hosts:
            yield from map(_load, loads)

    def _hint(self, hint: Message) -> str:
        """Write what this user may know of a hint; "" when that is nothing."""
        if isinstance(hint, Lost):
            return _json({"t": "resync"})
        if not isinstance(hint, Hint):
            return ""
        sight = self._seen
        match hint.kind:
            case HintKind.VM if hint.subject in sight.vm_ids:
                return _json({"t": "vm", "id": hint.subject, "rev": hint.revision})
            case HintKind.CONSOLES if hint.subject in sight.vm_ids:
                return _json({"t": "consoles", "id": hint.subject})
            case HintKind.NOTICES if hint.subject == str(sight.person.user.pk):
                return _json({"t": "notices"})
            case HintKind.JOB:
                return self._job(hint)
            case HintKind.RIGHTS if hint.subject == str(sight.person.user.pk):
                return _json({"t": "resync"})  # what he may do shows on every page
            case HintKind.HOST:
                # Everybody is told that a host comes or goes; which one, only who may see hosts.
                return _json({"t": "host", "id": hint.subject if sight.has_hosts else ""})
            case HintKind.THINGS if hint.subject != "people" or sight.has_people:
                return _json({"t": "changed", "what": hint.subject})
        return ""

    def _job(self, hint: Hint) -> str:
        sight = self._seen
        has_vm = hint.vm_id in sight.vm_ids
        if not (has_vm or sight.has_all_jobs or hint.actor_id == str(sight.person.user.pk)):
            return ""
        return _json({"t": "job", "id": hint.subject, "vm": hint.vm_id if has_vm else None})

    async def _say(self, content: dict[str, object]) -> None:
        await self._send_text(_json(content))

    async def _send_text(self, text: str) -> None:
        await self.send(text_data=text)


def _load(tick: LoadTick) -> str:
    load = tick.load
    return _json(
        {
            "t": "host-load",
            "id": tick.host_id,
            "cpu": load.cpu_percent,
            "used": load.memory_used_mib,
            "total": load.memory_total_mib,
            "rates": tick.rates,
        }
    )


def _packed(texts: list[str]) -> list[str]:
    """Make one frame, a JSON array, of a burst of messages."""
    return texts if len(texts) < PACKED_FROM else [f"[{','.join(texts)}]"]


def _members(rows: Iterable[tuple[str, str]]) -> str:
    """Make one JSON object of ids, which need no escaping, and JSON that was made before."""
    return "{" + ",".join(f'"{vm_id}":{row}' for vm_id, row in rows) + "}"


def _json(content: dict[str, object]) -> str:
    return json.dumps(content, separators=(",", ":"))
