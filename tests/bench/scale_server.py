"""The site as `manage.py serve` runs it, with numbers made up for all its guests: libvirt's test
driver has none. Only the benchmark uses it.

usage: KVMWEB_HOME=... BENCH_TICKS=FILE python -m tests.bench.scale_server serve --port PORT
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from kvmweb.asgi import application as site  # noqa: E402
from vms.live import publish  # noqa: E402
from vms.live.messages import Numbers  # noqa: E402
from vms.models import VM  # noqa: E402
from vms.streams.closing import Message, Receive, Scope, Send  # noqa: E402

INTERVAL_S = 2.0
LOOK_AGAIN = 5
"""In ticks: guests are found only some time after the start."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Be the site, and begin to feed it once it has started."""

    async def watched(message: Message) -> None:
        await send(message)
        if message["type"] == "lifespan.startup.complete":
            threading.Thread(target=feed, daemon=True).start()

    await site(scope, receive, watched)


def feed() -> None:
    """Publish numbers of every guest in every interval; write down how long that took."""
    log, pause = Path(os.environ["BENCH_TICKS"]), threading.Event().wait
    due_s, tick, hosts = time.monotonic(), 0, guests()
    while True:
        if tick % LOOK_AGAIN == 0:
            hosts = guests()
        tick += 1
        made = {host: {vm_id: numbers() for vm_id in ids} for host, ids in hosts.items()}
        began_s = time.perf_counter()
        for host, each in made.items():
            publish.numbers(host, each)
        with log.open("a") as lines:
            lines.write(f"{time.perf_counter() - began_s:.6f}\n")
        due_s += INTERVAL_S
        pause(max(0.0, due_s - time.monotonic()))


def guests() -> dict[str, list[str]]:
    """Every guest, by host."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for host, vm_id in VM.objects.values_list("host_id", "pk"):
        found[str(host)].append(str(vm_id))
    return found


def numbers() -> Numbers:
    """Of a guest that is busy in every way, so that all its numbers change with each tick."""
    used, rate = random.uniform(50, 500), random.expovariate
    return Numbers(
        random.uniform(0, 100), used, 512.0, "balloon", rate(1e-6), rate(1e-5), rate(1e-4), rate(1)
    )


def main() -> None:
    """Run a management command; `serve` serves the application above."""
    from vms.management.commands import serve

    serve.APPLICATION = "tests.bench.scale_server:application"
    call_command(*sys.argv[1:])


if __name__ == "__main__":
    main()
