"""A small client of the tus protocol, for tests and benchmarks, whose connection can be cut."""

from __future__ import annotations

import base64
import http.client
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.site import Site

CHUNK_BYTES = 1 << 18


class Tus:
    """Sends files to a site with its administrator's token."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._address = urlsplit(site.url)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._address.port, timeout=120)

    def headers(self, **more: str) -> dict[str, str]:
        """What every request carries."""
        return {
            "Host": self._address.netloc,
            "Authorization": f"Bearer {self._site.token}",
            "Tus-Resumable": "1.0.0",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send a request without a body."""
        connection = self._connection()
        try:
            connection.request(method, path, headers=self.headers(**headers))
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, got, answer.read()
        finally:
            connection.close()

    def create(self, filename: str, size: int, **values: str) -> str:
        """Begin an upload; return its path."""
        pairs = {"filename": filename, **values}
        packed = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())
        more = {"Upload_Length": str(size), "Upload_Metadata": packed}
        status, headers, body = self.ask("POST", "/api/v1/uploads/", **more)
        assert status == 201, (status, body)
        return headers["location"]

    def offset(self, path: str) -> int:
        """Ask where to go on."""
        status, headers, _body = self.ask("HEAD", path)
        assert status == 200, status
        return int(headers["upload-offset"])

    def send(self, path: str, file: Path, offset: int = 0, *, cut_at: int = 0) -> str:
        """Send the rest of a file; cut the connection at that byte. Return the job's id or ""."""
        connection = self._connection()
        size = file.stat().st_size
        try:
            connection.putrequest("PATCH", path)
            usual = self.headers(
                Content_Type="application/offset+octet-stream",
                Upload_Offset=str(offset),
                Content_Length=str(size - offset),
            )
            for name, value in usual.items():
                if name != "Host":
                    connection.putheader(name, value)
            connection.endheaders()
            for chunk in _chunks(file, offset, cut_at or size):
                connection.sock.sendall(chunk)
            if cut_at:
                return ""
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204, answer.status
            return str(answer.headers.get("Kvmweb-Job", ""))
        finally:
            connection.close()

    def upload(self, file: Path, *, name: str = "", **values: str) -> dict[str, Any]:
        """Send a whole file; return its job when that has ended."""
        path = self.create(name or file.name, file.stat().st_size, **values)
        return self.ended(self.send(path, file))

    def ended(self, job_id: str, *, limit_s: float = 120) -> dict[str, Any]:
        """Wait until a job has ended, well or not."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            job: dict[str, Any] = self._site.api("GET", f"jobs/{job_id}")
            if job["state"] not in {"queued", "running"}:
                return job
            time.sleep(0.05)
        raise AssertionError(f"job {job_id} goes on and on: {job}")


def _chunks(file: Path, offset: int, end: int) -> Iterator[bytes]:
    with file.open("rb") as source:
        source.seek(offset)
        at = offset
        while at < end and (chunk := source.read(min(CHUNK_BYTES, end - at))):
            at += len(chunk)
            yield chunk


def make_file(path: Path, size: int, *, dense: int = 4 << 20) -> Path:
    """Make a file of that size: some random bytes at both ends and in the middle, else holes."""
    with path.open("wb") as out:
        for at in (0, size // 2, max(0, size - dense)):
            out.seek(at)
            out.write(os.urandom(min(dense, size)))
        out.truncate(size)
    return path
