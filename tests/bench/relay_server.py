"""The site's relay under uvicorn, set up as `manage.py serve` does, with a given upstream.

It leaves out what opens and guards a console, and keeps every part that bytes go through.
usage: KVMWEB_HOME=... python -m tests.bench.relay_server PORT UPSTREAM
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")


def serve(port: int, upstream: str) -> None:
    """Relay every websocket to the upstream's unix socket until a signal comes."""
    import django

    django.setup()
    import uvicorn

    from vms.management.commands.serve import Options, configure, listen
    from vms.streams.closing import Receive, Scope, Send
    from vms.streams.relay import Relay

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "websocket.accept", "subprotocol": "binary"})
        with socket.socket(socket.AF_UNIX) as guest:
            guest.connect(upstream)
            guest.setblocking(False)
            relay = Relay(receive, send, guest, has_control=scope["path"] != "/view")
            tasks = [asyncio.ensure_future(part) for part in (relay.to_browser(), relay.to_guest())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    options = Options("127.0.0.1", port, False)
    config = configure(options, print)
    config.app = application
    uvicorn.Server(config).run(sockets=[listen(options)])


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
