"""Bytes of images through the site: how fast they come up, beside curl into a plain file; the copy
into the pool; and the memory of the server meanwhile.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from tests.bench.procs import MIB, rss_bytes
from tests.bench.table import Row
from tests.support.site import Site, free_port, running_site
from tests.support.tus import Tus, make_file

RACE_BYTES = 1 << 30
LARGE_BYTES = 4 << 30
ROUNDS = 5
GOAL_RATIO = 0.6
GOAL_GROWTH_MIB = 50
SAMPLE_S = 0.05
SETTLE_S = 3.0


def measure() -> Iterator[Row]:
    """Give rows for throughput, for the job behind it, and for memory."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name, running_site() as site:
        folder = Path(name)
        yield from race(site, folder)
        yield from memory(site, folder)


def race(site: Site, folder: Path) -> Iterator[Row]:
    """Upload the same dense file with curl in turns: to the site, and to a bare file sink."""
    file, tus = folder / "race.raw", Tus(site)
    with file.open("wb") as out:
        block = bytes(range(1, 251)) * 4194
        for _each in range(RACE_BYTES // len(block)):
            out.write(block)
    size = file.stat().st_size
    ours, plain = [], []
    for _round in range(ROUNDS):
        plain.append(size / to_sink(file, folder / "sink"))
        path = tus.create("race.raw", size)
        ours.append(size / curl(file, f"{site.url}{path}", patch(site)))
        job = tus.ended(job_of(site), limit_s=300)
        site.api("DELETE", f"images/{image_id(site, job['target_name'])}")
    mine, sink = statistics.median(ours), statistics.median(plain)
    ratio = mine / sink
    yield Row(
        "upload, the HTTP part (1 GiB, curl)",
        f"{mine / 1e6:.0f} MB/s; curl into a plain file sink {sink / 1e6:.0f} MB/s ({ratio:.2f})",
        f">= {GOAL_RATIO} of the sink",
        ratio >= GOAL_RATIO,
    )
    yield from job_rows(site, size)


def patch(site: Site) -> list[str]:
    """Options of curl for the one PATCH of a whole file."""
    headers = {
        "Authorization": f"Bearer {site.token}",
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
        "Expect": "",
    }
    return ["-X", "PATCH", *(part for k, v in headers.items() for part in ("-H", f"{k}: {v}"))]


def curl(file: Path, url: str, options: list[str]) -> float:
    """Send a file; return the seconds that curl says it took."""
    command = ["curl", "-sS", "-f", "-o", "/dev/null", "-w", "%{time_total}", "-T", str(file)]
    done = subprocess.run(
        [*command, *options, url], check=True, capture_output=True, text=True, timeout=300
    )
    return float(done.stdout)


def to_sink(file: Path, target: Path) -> float:
    """Send the file with curl to a server that does nothing but write what comes to a file."""
    port = free_port()
    ready = threading.Event()
    thread = threading.Thread(target=sink, args=(port, target, ready), daemon=True)
    thread.start()
    ready.wait(5)
    took_s = curl(file, f"http://127.0.0.1:{port}/", ["-H", "Expect:"])
    thread.join(30)
    assert target.stat().st_size == file.stat().st_size
    target.unlink()
    return took_s


def sink(port: int, target: Path, ready: threading.Event) -> None:
    """Take one request and write its body; nothing could do less."""
    with socket.create_server(("127.0.0.1", port)) as server:
        ready.set()
        connection, _address = server.accept()
        with connection, target.open("wb", buffering=0) as out:
            buffer = bytearray(1 << 20)
            got = connection.recv_into(buffer)
            head, _blank, rest = bytes(buffer[:got]).partition(b"\r\n\r\n")
            line = next(x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length"))
            left = int(line.partition(b":")[2]) - len(rest)
            out.write(rest)
            while left:
                got = connection.recv_into(buffer)
                out.write(memoryview(buffer)[:got])
                left -= got
            connection.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")


def job_of(site: Site) -> str:
    """Return the id of the newest job."""
    return str(site.api("GET", "jobs?limit=1")["items"][0]["id"])


def image_id(site: Site, name: str) -> str:
    """Return the id of an image by its name."""
    items = site.api("GET", "images?limit=500")["items"]
    return str(next(each["id"] for each in items if each["name"] == name))


def job_rows(site: Site, size: int) -> Iterator[Row]:
    """Say how long the job took after the last byte had come: checksum, look, copy."""
    took_s = []
    for job in site.api("GET", f"jobs?limit={ROUNDS}")["items"]:
        took_s.append(seconds(job["ended_at"]) - seconds(job["started_at"]))
    rate = size / statistics.median(took_s) / 1e6
    text = f"{rate:.0f} MB/s (median of {len(took_s)} jobs: {statistics.median(took_s):.1f} s)"
    yield Row("... then SHA-256, look into it, copy into the pool", text)


def seconds(moment: str) -> float:
    """Read a time of the API as seconds."""
    return datetime.fromisoformat(moment).timestamp()


class Peak:
    """The most resident memory of a process while the block runs, above what it had before."""

    def __init__(self, pid: int) -> None:
        self._pid, self._over = pid, threading.Event()
        self.growth_mib = 0.0

    def __enter__(self) -> Peak:
        self._before = rss_bytes(self._pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_S):
            now = (rss_bytes(self._pid) - self._before) / MIB
            self.growth_mib = max(self.growth_mib, now)

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()


def memory(site: Site, folder: Path) -> Iterator[Row]:
    """Send 4 GiB up, let the job bring it in, and read it back."""
    file, tus = make_file(folder / "large.raw", LARGE_BYTES, dense=512 * MIB), Tus(site)
    time.sleep(SETTLE_S)
    with Peak(site.pid) as up:
        job_id = tus.send(tus.create("large.raw", LARGE_BYTES), file)
    with Peak(site.pid) as bringing:
        job = tus.ended(job_id, limit_s=600)
    assert job["state"] == "succeeded", job
    time.sleep(SETTLE_S)
    url = f"{site.url}/api/v1/volumes/{image_id(site, job['target_name'])}/content"
    token = ["-H", f"Authorization: Bearer {site.token}"]
    with Peak(site.pid) as down:
        command = ["curl", "-sS", "-f", "-o", "/dev/null", "-w", "%{time_total}", *token, url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    rate = LARGE_BYTES / float(done.stdout) / 1e6
    for what, peak in (("upload", up), ("job behind it", bringing), ("download", down)):
        yield Row(
            f"memory of the server above idle, {what} of 4 GiB",
            f"{peak.growth_mib:.1f} MiB" + (f" ({rate:.0f} MB/s)" if peak is down else ""),
            f"< {GOAL_GROWTH_MIB} MiB",
            peak.growth_mib < GOAL_GROWTH_MIB,
        )
