"""Many open dashboards in one process, which do no more than note when numbers arrive.

usage: python -m tests.bench.scale_clients URL SECONDS < cookies, NAME=VALUE, one per line
Prints one line of JSON once all are connected and another at the end.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

from websockets import Origin
from websockets.asyncio.client import connect

AT = re.compile(r'"at":(\d+)')
SETTLE_S = 6.0
AT_ONCE = 20


class Dashboard:
    """One open page."""

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.bytes = 0
        self.frames = 0

    async def run(self, url: str, cookie: str, gate: asyncio.Semaphore) -> None:
        """Listen until cancelled."""
        async with gate:
            opening = connect(
                url.replace("http", "ws", 1) + "/ws/status",
                origin=Origin(url),
                additional_headers={"Cookie": cookie},
                compression=None,
                max_size=None,
                open_timeout=60,
            )
            socket = await opening
            await socket.recv()
        await socket.send('{"t":"visible","on":true}')
        while True:
            text = await socket.recv()
            now_s = time.time()
            self.bytes += len(text)
            if '"numbers"' in text[:20] and '"full"' not in text[:90]:
                found = AT.search(text)
                assert isinstance(text, str)
                if found:
                    self.frames += 1
                    self.latencies_s.append(now_s - int(found[1]) / 1000)


async def listen(url: str, cookies: list[str], seconds: float) -> None:
    """Open all, let them settle, then count for some time."""
    gate = asyncio.Semaphore(AT_ONCE)
    pages = [Dashboard() for _ in cookies]
    tasks = [
        asyncio.create_task(page.run(url, cookie, gate))
        for page, cookie in zip(pages, cookies, strict=True)
    ]
    while not all(page.bytes for page in pages):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLE_S)
    for page in pages:
        page.latencies_s, page.bytes, page.frames = [], 0, 0
    print(json.dumps({"connected": len(pages)}), flush=True)
    await asyncio.sleep(seconds)
    latencies_s = [each for page in pages for each in page.latencies_s]
    summary = {
        "latencies_s": latencies_s,
        "bytes": sum(page.bytes for page in pages),
        "frames": sum(page.frames for page in pages),
    }
    print(json.dumps(summary), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1], sys.stdin.read().split(), float(sys.argv[2])))
