"""What has to be recorded: while somebody looks at a device, its recording begins and ends here.

Consoles say that they are there with `attend`; nothing else here knows of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from vms.hypervisor.errors import HypervisorError
from vms.live.hub import Subscriber, hub
from vms.live.messages import Hint, HintKind, Message
from vms.services import filming
from vms.services.consoles import ConsoleGrant
from vms.services.filming import DeviceKey, Plan, Unrecordable
from vms.streams import film, threads
from vms.streams.closing import NOT_RECORDED, Ending, ending_of
from vms.streams.film import Roll
from vms.streams.serial import Device

log = structlog.get_logger(__name__)

LINGER_S = 5.0
"""A page that is loaded again goes on in the same recording."""
LOOK_S = 60.0
STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What may be recorded: the screen of a guest, or one of its serial ports."""

    vm_id: str
    kind: str
    device: Device

    @property
    def key(self) -> DeviceKey:
        """How the service names it."""
        return DeviceKey(self.vm_id, self.kind, self.device.number)


class Attendance:
    """Somebody at a device; `broken` ends when he may no longer stay unrecorded."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    async def decided(self) -> Ending | None:
        """Wait until it is recorded, or is not to be; return why nobody may look, if so."""
        await self._stand.decided.wait()
        return self._stand.broken.result() if self._stand.broken.done() else None

    async def broken(self) -> Ending:
        """Wait until a recording that must be has failed."""
        return await asyncio.shield(self._stand.broken)

    def leave(self) -> None:
        """Look no more."""
        self._stand.leave()


class _Inbox(Subscriber):
    """Keeps hints about one guest."""

    def __init__(self, vm_id: str) -> None:
        super().__init__()
        self._vm_id = vm_id

    def offer(self, message: Message) -> None:
        """Put a hint in that may change whether the guest is recorded."""
        kinds = {HintKind.VM, HintKind.CONSOLES}
        if isinstance(message, Hint) and message.kind in kinds and message.subject == self._vm_id:
            super().offer(message)


class Stand:
    """One device while somebody looks at it. Lives on the loop."""

    def __init__(self, scene: Scene, studio: Studio) -> None:
        self._scene, self._studio = scene, studio
        self.people = 0
        """How many look."""
        self._inbox = _Inbox(scene.vm_id)
        self._stop: asyncio.Future[str] | None = None
        self._empty: asyncio.TimerHandle | None = None
        self._over = ""
        self.decided = asyncio.Event()
        self.broken: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._run(), name="recording")

    def enter(self) -> Attendance:
        """Count somebody in."""
        self.people += 1
        if self._empty is not None:
            self._empty.cancel()
            self._empty = None
        return Attendance(self)

    def leave(self) -> None:
        """Count somebody out; the last one ends the recording, a little later."""
        self.people -= 1
        if self.people <= 0:
            wait_s = LINGER_S if self._stop is not None else 0.0
            loop = asyncio.get_running_loop()
            self._empty = loop.call_later(wait_s, self.end, "closed")

    def end(self, reason: str) -> None:
        """End it: the recording and all that is here."""
        self._over = self._over or reason
        self._studio.forget(self._scene, self)
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(reason)
        self._inbox.wake()

    async def _run(self) -> None:
        hub.subscribe(self._inbox)
        try:
            while not self._over:
                await self._turn()
        except Exception:  # the top loop of recording
            log.exception("recording-failed", vm=self._scene.vm_id)
            self._break(NOT_RECORDED)
        finally:
            hub.unsubscribe(self._inbox)
            self.decided.set()
            await threads.read(filming.abandon, self._scene.key)

    async def _turn(self) -> None:
        """Ask whether to record; do it, or wait until the answer may be another."""
        plan = await threads.read(filming.begin, self._scene.key)
        if isinstance(plan, Plan):
            await self._record(plan)
            return
        if isinstance(plan, Unrecordable) and plan.is_required:
            self._break(NOT_RECORDED)
        self.decided.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._inbox.take(), LOOK_S)

    async def _record(self, plan: Plan) -> None:
        self._stop = stop = asyncio.get_running_loop().create_future()
        if self._over:
            stop.set_result(self._over)
        reason, roll = "failed", None
        try:
            roll = await threads.on_disk(Roll, plan)
            reason = await self._film(roll, plan, stop)
        except HypervisorError as error:
            reason = error.code
            self._lost(plan, ending_of(error))
        except OSError as error:
            log.warning("recording-not-written", error=str(error))
        finally:
            self._stop = None
            if roll is not None:
                await threads.on_disk(roll.close)
            await threads.read(
                filming.finish,
                recording_id=plan.recording_id,
                reason=reason,
                size_bytes=roll.size_bytes if roll else 0,
                duration_ms=roll.last_ms if roll else 0,
            )
        if reason in {"no-room", "failed"}:
            self._lost(plan, NOT_RECORDED)

    async def _film(self, roll: Roll, plan: Plan, stop: asyncio.Future[str]) -> str:
        scene = self._scene
        source = await film.open_source(roll, scene.device, scene.kind, plan.title)
        try:
            self.decided.set()
            return await film.record(roll, source, plan, stop)
        finally:
            source.close()

    def _lost(self, plan: Plan, ending: Ending) -> None:
        if plan.is_required:
            self._break(ending)

    def _break(self, ending: Ending) -> None:
        """Nobody may stay; whoever comes next begins anew."""
        if not self.broken.done():
            self.broken.set_result(ending)
        self.end(ending.reason)


class Studio:
    """The devices that somebody looks at in this process; see `studio` below."""

    def __init__(self) -> None:
        self._stands: dict[Scene, Stand] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many devices there are."""
        return len(self._stands)

    def stands(self) -> list[Stand]:
        """Return them."""
        return list(self._stands.values())

    def attend(self, grant: ConsoleGrant) -> Attendance:
        """Say that somebody looks at a device from now on."""
        device = Device(grant.host_id, grant.host_uri, grant.domain_uuid, grant.device)
        scene = Scene(grant.vm_id, grant.kind, device)
        stand = self._stands.get(scene)
        if stand is None:
            stand = self._stands[scene] = Stand(scene, self)
            self._tasks.add(stand.task)
            stand.task.add_done_callback(self._tasks.discard)
        return stand.enter()

    def forget(self, scene: Scene, stand: Stand) -> None:
        """Keep a device no longer; another that took its place stays."""
        if self._stands.get(scene) is stand:
            del self._stands[scene]

    async def stop(self) -> None:
        """End every recording, as the server stops."""
        for stand in list(self._stands.values()):
            stand.end("server-stopped")
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=STOP_S)


studio = Studio()
