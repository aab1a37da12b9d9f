"""Start and end of the server: the lock on its home, what is pushed, the embedded worker."""

from __future__ import annotations

import asyncio
from typing import IO

import structlog
from django.conf import settings

from vms.live import gauges, publish
from vms.live.hub import hub
from vms.services import filming, seats
from vms.services.installation import HomeTaken, lock_home
from vms.streams import threads
from vms.streams.closing import Receive, Send
from vms.streams.studio import studio
from vms.streams.usher import usher
from vms.worker.runtime import Runtime

log = structlog.get_logger(__name__)

STOP_S = 3.0


class Lifespan:
    """The server's start and stop, as ASGI tells them."""

    def __init__(self) -> None:
        self._lock: IO[str] | None = None
        self._runtime: Runtime | None = None

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Serve the lifespan connection."""
        await receive()
        try:
            await self.start()
        except HomeTaken as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self) -> None:
        """Lock the home, then begin to push and to work. Raises HomeTaken."""
        if settings.KVMWEB.embedded:
            self._lock = lock_home(settings.KVMWEB.home)
            await threads.read(seats.forget_all)  # of a server that was killed
        loop = asyncio.get_running_loop()
        gauges.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        publish.attach(loop)
        await hub.start()
        usher.start()
        if settings.KVMWEB.embedded:
            await threads.read(filming.recover)
            self._runtime = Runtime()
            self._runtime.start()

    async def stop(self) -> None:
        """Stop all of it in a few seconds; what does not end in time is left to die as a daemon."""
        await usher.stop()
        await studio.stop()
        if self._runtime is not None:
            stopping = asyncio.ensure_future(threads.ask_host(self._runtime.stop))
            await asyncio.wait([stopping], timeout=STOP_S)
        publish.detach()
        await hub.stop()
        if self._lock is not None:
            self._lock.close()
