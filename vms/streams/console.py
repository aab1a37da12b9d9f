"""The console socket: a raw ASGI callable that relays a guest's display or serial device.

A ticket opens it, once. Limits, rights and the end of the guest close it, with a code that the page
explains.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import uuid
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog
from django.conf import settings

from vms.hypervisor import consoles as displays
from vms.hypervisor import registry
from vms.hypervisor.errors import HypervisorError
from vms.live import gauges, presence
from vms.live.hub import Subscriber, hub
from vms.live.messages import Hint, HintKind, Message
from vms.problems import Refused
from vms.services import consoles
from vms.services.consoles import ConsoleGrant
from vms.streams import closing, threads, visitors
from vms.streams.closing import Ending, Receive, Scope, Send
from vms.streams.relay import Relay
from vms.streams.serial import Device, SerialRelay, exchange

log = structlog.get_logger(__name__)

SUBPROTOCOL = "binary"
TICKET_PREFIX = "ticket."
RECHECK_S = 5.0
STALLED_S = 30.0
CLOSE_S = 3.0
ENDINGS: dict[str, Ending] = {
    "logged-out": closing.LOGGED_OUT,
    "deactivated": closing.DEACTIVATED,
    "revoked": closing.REVOKED,
    "control-lost": closing.CONTROL_LOST,
    "vm-gone": closing.VM_GONE,
}


class Seats:
    """How many consoles are open in this process, by user and by guest."""

    def __init__(self) -> None:
        self._by_user: Counter[str] = Counter()
        self._by_vm: Counter[str] = Counter()

    def take(self, grant: ConsoleGrant) -> bool:
        """Take a seat if there is one left for the user and at the guest's display."""
        limits = settings.KVMWEB
        if self._by_user[grant.user_id] >= limits.console_max_per_user:
            return False
        if self._by_vm[grant.vm_id] >= limits.console_max_per_vm:
            return False
        self._by_user[grant.user_id] += 1
        self._by_vm[grant.vm_id] += 1
        presence.enter(grant.vm_id, grant.ticket_id, _occupant(grant))
        return True

    def leave(self, grant: ConsoleGrant) -> None:
        """Give the seat back."""
        presence.leave(grant.vm_id, grant.ticket_id)
        for counter, key in ((self._by_user, grant.user_id), (self._by_vm, grant.vm_id)):
            counter[key] -= 1
            if counter[key] <= 0:
                del counter[key]

    @property
    def taken(self) -> int:
        """How many consoles are open."""
        return self._by_user.total()


def _occupant(grant: ConsoleGrant) -> presence.Occupant:
    return presence.Occupant(grant.user_id, grant.user_name, grant.kind, grant.mode)


seats = Seats()
gauges.consoles.set_function(lambda: seats.taken)


async def console(scope: Scope, receive: Receive, send: Send, *, vm_id: str) -> None:
    """Serve one console socket from its handshake to its end."""
    await receive()
    try:
        grant = await _admit(scope, vm_id)
    except Exception:  # top loop of a socket; nothing is open yet
        log.exception("console-not-admitted")
        await closing.refuse(scope, send, 500)
        return
    if grant is None:
        await closing.refuse(scope, send)
        return
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
    if not seats.take(grant):
        await _close(send, closing.TOO_MANY)
        return
    try:
        ending = await _serve(grant, receive, send)
    finally:
        seats.leave(grant)
    await _close(send, ending)


async def _admit(scope: Scope, vm_id: str) -> ConsoleGrant | None:
    handshake = visitors.handshake(scope)
    secret = _ticket(handshake.subprotocols)
    if not secret or SUBPROTOCOL not in handshake.subprotocols or not _is_uuid(vm_id):
        return None
    return await threads.read(_redeem, secret, vm_id, handshake)


def _ticket(subprotocols: tuple[str, ...]) -> str:
    for each in subprotocols:
        if each.startswith(TICKET_PREFIX):
            return each.removeprefix(TICKET_PREFIX)
    return ""


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _redeem(secret: str, vm_id: str, handshake: visitors.Handshake) -> ConsoleGrant | None:
    user = visitors.user_of(handshake.session_key)
    try:
        return consoles.redeem(
            secret=secret,
            vm_id=vm_id,
            session_key=handshake.session_key,
            user_id=str(user.pk) if user else None,
            has_trusted_origin=handshake.has_trusted_origin,
            address=handshake.address,
        )
    except Refused:
        return None


async def _serve(grant: ConsoleGrant, receive: Receive, send: Send) -> Ending:
    """Open what the ticket is for and relay it; whatever happens, it is closed at the end."""
    try:
        relay = await _relay(grant, receive, send)
    except HypervisorError as error:
        log.info("console-not-opened", vm=grant.vm_id, kind=grant.kind, code=error.code)
        return closing.ending_of(error)
    began_s, ending = time.monotonic(), closing.FAILED
    try:
        await threads.read(lambda: consoles.opened(grant=grant))
        ending = await _first_ending(relay, grant)
    except Exception:  # top loop of a socket
        log.exception("console-failed", vm=grant.vm_id)
    finally:
        relay.close()
        threads.start(
            lambda: consoles.closed(
                grant=grant,
                reason=ending.reason,
                seconds=time.monotonic() - began_s,
                bytes_in=relay.bytes_in,
                bytes_out=relay.bytes_out,
            )
        )
    return ending


class Relaying(Protocol):
    """What moves the bytes of one console, of either kind."""

    bytes_in: int
    bytes_out: int

    async def to_browser(self) -> Ending: ...
    async def to_guest(self) -> Ending: ...
    def stalled_s(self) -> float: ...
    def close(self) -> None: ...


async def _relay(grant: ConsoleGrant, receive: Receive, send: Send) -> Relaying:
    """Open the display or the serial device. Raises HypervisorError."""
    if grant.kind == consoles.SERIAL:
        device = Device(grant.host_id, grant.host_uri, grant.domain_uuid, grant.device)
        viewer = await exchange.join(device)
        return SerialRelay(receive, send, viewer, has_control=grant.has_control)
    upstream = await threads.ask_host(_open, grant)
    return Relay(receive, send, upstream, has_control=grant.has_control)


def _open(grant: ConsoleGrant) -> socket.socket:
    host = registry.host_connection(grant.host_id, grant.host_uri)
    return displays.open_graphics(host, grant.domain_uuid)


async def _first_ending(relay: Relaying, grant: ConsoleGrant) -> Ending:
    """Run both pumps and the guard; the first that ends ends all."""
    parts: list[Coroutine[Any, Any, Ending]] = [
        relay.to_browser(),
        relay.to_guest(),
        _guard(relay, grant),
    ]
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Inbox(Subscriber):
    """Keeps only hints that bear on one console."""

    def __init__(self, grant: ConsoleGrant) -> None:
        super().__init__()
        self._subjects = {
            HintKind.VM: grant.vm_id,
            HintKind.VM_GONE: grant.vm_id,
            HintKind.RIGHTS: grant.user_id,
        }

    def offer(self, message: Message) -> None:
        """Put a hint in that is about the guest or the user's rights."""
        if isinstance(message, Hint) and self._subjects.get(message.kind) == message.subject:
            super().offer(message)


async def _guard(relay: Relaying, grant: ConsoleGrant) -> Ending:
    """End the console when it is no longer allowed, or when the browser does not keep up."""
    inbox = _Inbox(grant)
    hub.subscribe(inbox)
    try:
        while True:
            code = await threads.read(lambda: consoles.check_still_allowed(grant=grant))
            if code:
                return ENDINGS.get(code, closing.REVOKED)
            if relay.stalled_s() > STALLED_S:
                return closing.TOO_SLOW
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(inbox.take(), RECHECK_S)
    finally:
        hub.unsubscribe(inbox)


async def _close(send: Send, ending: Ending) -> None:
    if ending == closing.BROWSER_GONE:
        return
    message = {"type": "websocket.close", "code": ending.code, "reason": ending.reason}
    with contextlib.suppress(OSError):  # TimeoutError is one
        await asyncio.wait_for(send(message), CLOSE_S)
