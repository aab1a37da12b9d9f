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
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from django.conf import settings

from vms.hypervisor import consoles as displays
from vms.hypervisor import registry
from vms.hypervisor.errors import HypervisorError
from vms.live import gauges
from vms.live.hub import Subscriber, hub
from vms.live.messages import Hint, HintKind, Message
from vms.problems import Refused, TooMany
from vms.rfb.doors import SUBPROTOCOL, ticket_of
from vms.services import consoles, seats
from vms.services.consoles import ConsoleGrant
from vms.streams import closing, threads, visitors
from vms.streams import seats as seat_keeping
from vms.streams.closing import Ending, Receive, Scope, Send
from vms.streams.limits import Clock
from vms.streams.relay import Relay
from vms.streams.seats import Keeper
from vms.streams.serial import Device, SerialRelay, exchange
from vms.streams.studio import Attendance, studio

log = structlog.get_logger(__name__)

RECHECK_S = 5.0
STALLED_S = 30.0
GREETING_S = 10.0
"""For RFB's handshake: who opens a console and says nothing must not keep a display's seat."""
CLOSE_S = 3.0
ENDINGS: dict[str, Ending] = {
    "logged-out": closing.LOGGED_OUT,
    "deactivated": closing.DEACTIVATED,
    "revoked": closing.REVOKED,
    "vm-gone": closing.VM_GONE,
    "link-ended": closing.LINK_ENDED,
    "seat-lost": closing.FAILED,
    "console-exclusive": closing.ALONE,
    "too-many-consoles": closing.TOO_MANY,
}


class _Open:
    """How many consoles are open in this process."""

    def __init__(self) -> None:
        self.count = 0


consoles_open = _Open()
gauges.consoles.set_function(lambda: consoles_open.count)


async def console(scope: Scope, receive: Receive, send: Send, *, vm_id: str) -> None:
    """Serve one console socket from its handshake to its end."""
    await receive()
    handshake = visitors.handshake(scope)
    try:
        grant = await _admit(handshake, vm_id)
    except Exception:  # top loop of a socket; nothing is open yet
        log.exception("console-not-admitted")
        await closing.refuse(scope, send, 500)
        return
    if grant is None:
        await closing.refuse(scope, send)
        return
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
    consoles_open.count += 1
    try:
        speaks = seat_keeping.SUBPROTOCOL in handshake.subprotocols
        ending = await _seated(_Socket(receive, send, speaks), grant)
    finally:
        consoles_open.count -= 1
    await _close(send, ending)


@dataclass(frozen=True, slots=True)
class _Socket:
    """The browser's end; `speaks` says that it understands messages about seats."""

    receive: Receive
    send: Send
    speaks: bool


async def _seated(browser: _Socket, grant: ConsoleGrant) -> Ending:
    """Take a seat, serve, and give the seat up, whatever happens."""
    try:
        has_control = await threads.read(lambda: seats.enter(grant=grant))
    except Refused as problem:
        return ENDINGS.get(problem.code, closing.FAILED)
    try:
        return await _serve(browser, grant, has_control)
    finally:
        # Begun here and not awaited by a task that may be cancelled; the page connects again after.
        await asyncio.shield(threads.read(lambda: seats.leave(grant=grant)))


async def _admit(handshake: visitors.Handshake, vm_id: str) -> ConsoleGrant | None:
    secret = ticket_of(handshake.subprotocols)
    if not secret or not _is_uuid(vm_id):
        return None
    return await threads.read(_redeem, secret, vm_id, handshake)


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
            visits=visitors.visits_of(handshake),
        )
    except (Refused, TooMany):
        return None


async def _serve(browser: _Socket, grant: ConsoleGrant, has_control: bool) -> Ending:
    """Open what the ticket is for and relay it; whatever happens, it is closed at the end."""
    limits = settings.KVMWEB
    clock = Clock(limits.console_idle_minutes * 60.0, limits.console_hours * 3600.0)
    keeper = Keeper(grant, browser.send, speaks=browser.speaks, clock=clock)
    try:
        relay = await _relay(browser, grant, keeper, has_control)
    except HypervisorError as error:
        log.info("console-not-opened", vm=grant.vm_id, kind=grant.kind, code=error.code)
        return closing.ending_of(error)
    clock.unused_s = relay.idle_s
    began_s, ending = time.monotonic(), closing.FAILED
    attendance = studio.attend(grant)
    try:
        await threads.read(lambda: consoles.opened(grant=grant))
        ending = await attendance.decided() or await _first_ending(
            relay, grant, keeper, clock, attendance
        )
    except Exception:  # top loop of a socket
        log.exception("console-failed", vm=grant.vm_id)
    finally:
        attendance.leave()
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
    async def switch(self, *, has_control: bool) -> bool: ...
    def stalled_s(self) -> float: ...
    def idle_s(self) -> float: ...
    def greeting_s(self) -> float: ...
    def close(self) -> None: ...


async def _relay(
    browser: _Socket, grant: ConsoleGrant, keeper: Keeper, has_control: bool
) -> Relaying:
    """Open the display or the serial device. Raises HypervisorError."""
    receive, send, hear = browser.receive, browser.send, keeper.hears
    if grant.kind == consoles.SERIAL:
        device = Device(grant.host_id, grant.host_uri, grant.domain_uuid, grant.device)
        viewer = await exchange.join(device)
        return SerialRelay(receive, send, viewer, has_control=has_control, hear=hear)
    upstream = await threads.ask_host(_open, grant)
    return Relay(receive, send, upstream, has_control=has_control, hear=hear)


def _open(grant: ConsoleGrant) -> socket.socket:
    host = registry.host_connection(grant.host_id, grant.host_uri)
    return displays.open_graphics(host, grant.domain_uuid)


async def _first_ending(
    relay: Relaying, grant: ConsoleGrant, keeper: Keeper, clock: Clock, attendance: Attendance
) -> Ending:
    """Run both pumps, the guard and the talk with the page; the first that ends ends all."""
    parts: list[Coroutine[Any, Any, Ending]] = [
        relay.to_browser(),
        relay.to_guest(),
        _guard(relay, grant, keeper, clock),
        *keeper.parts(),
        attendance.broken(),
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
            HintKind.CONSOLES: grant.vm_id,
            HintKind.RIGHTS: grant.user_id,
        }

    def offer(self, message: Message) -> None:
        """Put a hint in that is about the guest or the user's rights."""
        if isinstance(message, Hint) and self._subjects.get(message.kind) == message.subject:
            super().offer(message)


async def _guard(relay: Relaying, grant: ConsoleGrant, keeper: Keeper, clock: Clock) -> Ending:
    """End the console when it is no longer allowed or nobody is at it; let control change hands."""
    inbox = _Inbox(grant)
    hub.subscribe(inbox)
    try:
        while True:
            code = await keeper.look(relay)
            if code:
                return ENDINGS.get(code, closing.REVOKED)
            ending = clock.ending() or _impatience(relay)
            if ending is not None:
                return ending
            with contextlib.suppress(TimeoutError):
                # Not wait_for: of Python 3.11 it forgets that it was cancelled when a hint comes at
                # the same moment, and the console of a browser that is gone would stay for ever.
                async with asyncio.timeout(keeper.next_s(clock.next_s(_next_round_s()))):
                    await inbox.take()
    finally:
        hub.unsubscribe(inbox)


def _next_round_s() -> float:
    """Return the seconds until rights are asked again, for all consoles at the same moment: then
    the database is asked once for all of them.
    """
    return RECHECK_S - asyncio.get_running_loop().time() % RECHECK_S


def _impatience(relay: Relaying) -> Ending | None:
    """Say whether the browser was waited for too long."""
    if relay.stalled_s() > STALLED_S:
        return closing.TOO_SLOW
    return closing.NO_GREETING if relay.greeting_s() > GREETING_S else None


async def _close(send: Send, ending: Ending) -> None:
    if ending == closing.BROWSER_GONE:
        return
    message = {"type": "websocket.close", "code": ending.code, "reason": ending.reason}
    with contextlib.suppress(OSError):  # TimeoutError is one
        await asyncio.wait_for(send(message), CLOSE_S)
