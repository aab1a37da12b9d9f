"""The status socket: what changed, and the numbers, of exactly those guests that its user may see.

It carries hints: what a thing looks like now, the page fetches through a door that checks rights.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from vms import selectors
from vms.live import gauges, recent
from vms.live.hub import Subscriber, hub
from vms.live.messages import Hint, HintKind, LoadTick, Message, Tick
from vms.policy import Action, Door, Person, can
from vms.streams import closing, threads, visitors

log = structlog.get_logger(__name__)

RECHECK_S = 5.0
MAX_WATCHED = 5000
MAX_MESSAGES_PER_CHECK = 200
LOOK_AGAIN_AT = frozenset({HintKind.VM, HintKind.VM_GONE, HintKind.RIGHTS})


@dataclass(frozen=True, slots=True)
class Sight:
    """Who looks, and what he may see."""

    person: Person
    vm_ids: frozenset[str]
    has_hosts: bool
    has_all_jobs: bool
    has_people: bool


def look(session_key: str, address: str) -> Sight | None:
    """Find out what the session's user may see; None where nobody is logged in. Reads rows."""
    user = visitors.user_of(session_key)
    if user is None:
        return None
    person = Person(user, Door.WEB, address, session_key)
    return Sight(
        person=person,
        vm_ids=selectors.visible_vm_ids(person),
        has_hosts=can(person, Action.HOST_VIEW),
        has_all_jobs=can(person, Action.JOB_VIEW),
        has_people=can(person, Action.PEOPLE_MANAGE),
    )


class StatusConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels ships no types
    """One status socket of one browser tab."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as the base class
        super().__init__(*args, **kwargs)
        self._inbox = Subscriber()
        self._task: asyncio.Task[None] | None = None
        self._is_shown = True
        self._received = 0

    async def connect(self) -> None:
        """Accept a logged-in user who comes from the site itself, nobody else."""
        self._handshake = visitors.handshake(self.scope)
        sight = None
        if self._handshake.has_trusted_origin:
            # Before looking: what changes meanwhile waits in the inbox.
            hub.subscribe(self._inbox)
            sight = await self._look()
        if sight is None:
            hub.unsubscribe(self._inbox)
            await self.close()
            return
        self._sight = sight
        await self.accept()
        await self._say({"t": "hello", "tick_s": settings.KVMWEB.sample_interval_s})
        self._task = asyncio.create_task(self._run(), name="status")
        gauges.status_sockets.inc()

    async def disconnect(self, _code: int) -> None:
        """Forget the socket."""
        hub.unsubscribe(self._inbox)
        if self._task is not None:
            self._task.cancel()
            gauges.status_sockets.dec()

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
            self._is_shown = bool(wish.get("on"))
        elif wish.get("t") == "ping":
            await self._say({"t": "pong"})

    async def _watch(self, ids: object) -> None:
        """Send the history of guests; numbers to come are sent of all that may be seen anyway."""
        if not isinstance(ids, list):
            return
        texts = [each for each in ids[:MAX_WATCHED] if isinstance(each, str)]
        seen = [each for each in dict.fromkeys(texts) if each in self._sight.vm_ids]
        rows = ((each, recent.history_json(each)) for each in seen)
        await self._send_text(f'{{"t":"history","vms":{_members(rows)}}}')

    async def _run(self) -> None:
        """Send what arrives, and look again every `RECHECK_S` seconds, until the user is gone."""
        try:
            loop = asyncio.get_running_loop()
            check_at_s = loop.time() + RECHECK_S
            while not self._inbox.has_overflowed:
                messages = await self._next(check_at_s - loop.time())
                if loop.time() >= check_at_s:
                    self._received = 0
                    check_at_s = loop.time() + RECHECK_S
                    is_due = True
                else:
                    is_due = any(self._is_about_rights(message) for message in messages)
                if is_due and not await self._look_again(messages):
                    return
                for text in self._frames(messages):
                    await self._send_text(text)
            await self.close(closing.TOO_SLOW.code)
        except OSError:
            log.debug("status-browser-gone")
        except Exception:  # top loop of a socket: the page connects anew
            log.exception("status-failed")
            await self.close(closing.FAILED.code)
        finally:
            hub.unsubscribe(self._inbox)

    async def _next(self, timeout_s: float) -> list[Message]:
        try:
            return await asyncio.wait_for(self._inbox.take(), max(0.0, timeout_s))
        except TimeoutError:
            return []

    def _is_about_rights(self, message: Message) -> bool:
        """Say whether what may be seen can have changed."""
        if not isinstance(message, Hint) or message.kind not in LOOK_AGAIN_AT:
            return False
        is_mine = message.subject == str(self._sight.person.user.pk)
        return message.kind is not HintKind.RIGHTS or is_mine

    async def _look(self) -> Sight | None:
        return await threads.read(look, self._handshake.session_key, self._handshake.address)

    async def _look_again(self, messages: Iterable[Message]) -> bool:
        """Refresh what may be seen and tell the page the difference; False when nobody is there."""
        sight = await self._look()
        if sight is None:
            why = await threads.read(visitors.absence, self._sight.person.user)
            await self._say({"t": "bye", "why": why})
            await self.close(closing.LOGGED_OUT.code)
            return False
        before, self._sight = self._sight.vm_ids, sight
        told = {message.subject for message in messages if isinstance(message, Hint)}
        for vm_id in before - sight.vm_ids:
            await self._say({"t": "gone", "id": vm_id})
        for vm_id in sight.vm_ids - before - told:
            await self._say({"t": "vm", "id": vm_id, "rev": 0})
        return True

    def _frames(self, messages: Iterable[Message]) -> Iterable[str]:
        for message in messages:
            text = self._frame(message)
            if text:
                yield text

    def _frame(self, message: Message) -> str:
        """Write what this user may know of a message; "" when that is nothing."""
        match message:
            case Tick():
                return self._numbers(message) if self._is_shown else ""
            case LoadTick():
                return self._load(message) if self._is_shown else ""
            case Hint():
                return self._hint(message)

    def _numbers(self, tick: Tick) -> str:
        vm_ids = self._sight.vm_ids
        rows = [(vm_id, row) for vm_id, row in tick.rows.items() if vm_id in vm_ids]
        if not rows:
            return ""
        return f'{{"t":"numbers","at":{tick.at_ms},"vms":{_members(rows)}}}'

    def _load(self, tick: LoadTick) -> str:
        if not self._sight.has_hosts:
            return ""
        load = tick.load
        return _json(
            {
                "t": "host-load",
                "id": tick.host_id,
                "cpu": load.cpu_percent,
                "used": load.memory_used_mib,
                "total": load.memory_total_mib,
            }
        )

    def _hint(self, hint: Hint) -> str:
        sight = self._sight
        match hint.kind:
            case HintKind.VM if hint.subject in sight.vm_ids:
                return _json({"t": "vm", "id": hint.subject, "rev": hint.revision})
            case HintKind.JOB:
                return self._job(hint)
            case HintKind.HOST:
                # Everybody is told that a host comes or goes; which one, only who may see hosts.
                return _json({"t": "host", "id": hint.subject if sight.has_hosts else ""})
            case HintKind.THINGS if hint.subject != "people" or sight.has_people:
                return _json({"t": "changed", "what": hint.subject})
        return ""

    def _job(self, hint: Hint) -> str:
        sight = self._sight
        has_vm = hint.vm_id in sight.vm_ids
        if not (has_vm or sight.has_all_jobs or hint.actor_id == str(sight.person.user.pk)):
            return ""
        return _json({"t": "job", "id": hint.subject, "vm": hint.vm_id if has_vm else None})

    async def _say(self, content: dict[str, object]) -> None:
        await self._send_text(_json(content))

    async def _send_text(self, text: str) -> None:
        await self.send(text_data=text)


def _members(rows: Iterable[tuple[str, str]]) -> str:
    """Make one JSON object of ids, which need no escaping, and JSON that was made before."""
    return "{" + ",".join(f'"{vm_id}":{row}' for vm_id, row in rows) + "}"


def _json(content: dict[str, object]) -> str:
    return json.dumps(content, separators=(",", ":"))
