"""Download a file by HTTP into a file of ours: resumed where it broke off, within limits of size
and time, and only from addresses that may be asked.
"""

from __future__ import annotations

import http.client
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from vms.imaging import addresses, unpack
from vms.imaging.addresses import Rules, Target
from vms.problems import Problem

CONNECT_S = 15.0
READ_S = 20.0
CHUNK_BYTES = 1 << 18
MAX_REDIRECTS = 6
TRIES = 6
BACKOFF_S = 1.0
BACKOFF_CAP_S = 20.0
SLOW_S = 60.0
SLOW_BYTES = 64 * 1024
"""Less than this within SLOW_S counts as stalled."""
SPACE_CHECK_BYTES = 64 << 20
AGENT = "kvmweb"
_REDIRECTS = (301, 302, 303, 307, 308)
_NO_HEAD = (405, 501)
_AGAIN = (408, 425, 429, 500, 502, 503, 504)

Progress = Callable[[int, int], None]
"""Gets the bytes there and all bytes, 0 while nobody says how many; what it raises ends it."""


class _Broken(Exception):
    """It broke off in a way that another try may mend."""


@dataclass(slots=True)
class _State:
    """What is known between tries; `mark` says which version of the file the bytes are of."""

    url: str
    path: Path
    limit_bytes: int
    rules: Rules
    progress: Progress
    total: int = 0
    mark: str = ""
    unchecked: int = 0
    wait: Callable[[float], None] = field(default=time.sleep)

    @property
    def there(self) -> int:
        """Bytes that have come."""
        return self.path.stat().st_size if self.path.exists() else 0


def download(url: str, path: Path, *, limit_bytes: int, rules: Rules, progress: Progress) -> None:
    """Download `url` to `path`, a new file, going on with Range requests where it breaks off.

    The file stays when it fails, which is the caller's to remove. Raises Problem: url-forbidden,
    url-status, url-broken, image-too-large, uploads-full ...
    """
    state = _State(url, path, limit_bytes, rules, progress)
    path.touch(mode=0o644)
    failures, reason = 0, ""
    while failures < TRIES:
        before = state.there
        try:
            _once(state)
            return
        except _Broken as error:
            reason = str(error)
        # What brought bytes was no failure: a long download may break off often.
        failures = failures + 1 if state.there <= before else 1
        _pause(state, failures)
    raise Problem("url-broken", reason=reason[:200])


def text(url: str, *, limit_bytes: int, rules: Rules) -> str:
    """Fetch a short text, such as a file of checksums. Raises Problem."""
    for attempt in range(1, 4):
        try:
            with _opened(url, rules, {}) as answer:
                if answer.status != 200:
                    raise _refusal(answer.status)
                return _read(answer, limit_bytes + 1)[:limit_bytes].decode("utf-8", "replace")
        except _Broken as error:
            if attempt == 3:
                raise Problem("url-broken", reason=str(error)[:200]) from error
    raise Problem("url-broken", reason="")


def look(url: str, *, rules: Rules) -> int:
    """Ask whether there is something at `url`, without fetching it; return the bytes that it says
    to have, 0 where it does not say. Raises Problem: url-status, url-silent ...
    """
    for method in ("HEAD", "GET"):  # some servers know no HEAD
        try:
            with _opened(url, rules, {}, method=method) as answer:
                if method == "HEAD" and answer.status in _NO_HEAD:
                    continue
                if answer.status != 200:
                    raise Problem("url-status", status=answer.status)
                length = answer.headers.get("Content-Length", "")
                return int(length) if length.isdigit() else 0
        except _Broken as error:
            raise Problem("url-silent", reason=str(error)[:200]) from error
    return 0


def _pause(state: _State, failures: int) -> None:
    """Wait longer each time, with jitter, and notice a wish to stop meanwhile."""
    longest = min(BACKOFF_CAP_S, BACKOFF_S * 2 ** (failures - 1))
    until_s = time.monotonic() + longest * random.uniform(0.5, 1)  # noqa: S311 - jitter
    while time.monotonic() < until_s:
        state.progress(state.there, state.total)
        state.wait(min(0.25, max(0.0, until_s - time.monotonic())))


def _once(state: _State) -> None:
    """Ask once, for what is missing, and write it. Raises _Broken, Problem."""
    start = state.there
    if state.total and start >= state.total:
        return
    headers = {"Range": f"bytes={start}-", "If-Range": state.mark} if start and state.mark else {}
    with _opened(state.url, state.rules, headers) as answer:
        if answer.status == 206 and headers and _begins_at(answer) == start:
            _write(state, answer, start)
        elif answer.status == 200:
            _write(state, answer, 0)
        else:
            raise _refusal(answer.status)


def _begins_at(answer: http.client.HTTPResponse) -> int:
    """Return where a part begins, -1 when that cannot be read."""
    text = answer.headers.get("Content-Range", "")
    begin = text.removeprefix("bytes ").partition("-")[0]
    return int(begin) if begin.isdigit() else -1


def _write(state: _State, answer: http.client.HTTPResponse, start: int) -> None:
    length = answer.headers.get("Content-Length", "")
    state.total = start + int(length) if length.isdigit() else 0
    etag = answer.headers.get("ETag", "")
    state.mark = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    if state.total > state.limit_bytes:
        raise Problem("image-too-large", limit=f"{state.limit_bytes >> 30} GiB")
    unpack.require_space(state.path.parent, max(0, state.total - start))
    at = start
    with state.path.open("r+b") as file:
        file.truncate(start)
        file.seek(start)
        for chunk in _chunks(answer):
            at += len(chunk)
            if at > state.limit_bytes:
                raise Problem("image-too-large", limit=f"{state.limit_bytes >> 30} GiB")
            _check_space(state, len(chunk))
            file.write(chunk)
            state.progress(at, max(at, state.total) if state.total else 0)
    if state.total and at < state.total:
        raise _Broken("it ended early")


def _check_space(state: _State, size: int) -> None:
    state.unchecked += size
    if state.unchecked >= SPACE_CHECK_BYTES:
        state.unchecked = 0
        unpack.require_space(state.path.parent, 0)


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Give the body as it comes. Raises _Broken when it stops."""
    while True:
        try:
            chunk = answer.read1(CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(str(error) or type(error).__name__) from error
        if not chunk:
            return
        yield chunk


def _read(answer: http.client.HTTPResponse, limit_bytes: int) -> bytes:
    data = bytearray()
    for chunk in _chunks(answer):
        data += chunk
        if len(data) >= limit_bytes:
            break
    return bytes(data)


def _refusal(status: int) -> Exception:
    if status in _AGAIN:
        return _Broken(f"HTTP {status}")
    return Problem("url-status", status=status)


@contextmanager
def _opened(
    url: str, rules: Rules, headers: dict[str, str], *, method: str = "GET"
) -> Iterator[http.client.HTTPResponse]:
    """Ask for a URL, following redirects, each of which is judged like the first address."""
    for _each in range(MAX_REDIRECTS):
        target = addresses.resolve(url, rules)
        connection = _connection(target)
        watch = _Watch(connection)
        closing = ExitStack()
        try:
            answer = _ask(connection, target, headers, method)
            closing.callback(answer.close)
            if answer.status not in _REDIRECTS:
                yield answer
                watch.require_life()
                return
            location = answer.headers.get("Location", "")
        finally:
            watch.end()
            closing.close()
            connection.close()
        new = urljoin(url, location)
        if url.startswith("https:") and not new.startswith("https:"):
            raise Problem("url-downgrade")
        url = new
    raise Problem("url-redirects")


def _ask(
    connection: http.client.HTTPConnection, target: Target, headers: dict[str, str], method: str
) -> http.client.HTTPResponse:
    usual = {"Host": target.authority, "User-Agent": AGENT, "Accept-Encoding": "identity"}
    try:
        connection.request(method, target.path, headers=usual | headers)
        return connection.getresponse()
    except ssl.SSLCertVerificationError as error:
        raise Problem("url-certificate", reason=error.verify_message) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _connection(target: Target) -> _Plain | _Secure:
    if target.scheme == "http":
        return _Plain(target)
    return _Secure(target)


class _Watch:
    """Ends a connection that trickles: each byte would renew the time limit of a read."""

    def __init__(self, connection: _Plain | _Secure) -> None:
        self._connection = connection
        self._over = threading.Event()
        self._is_overdue = False
        threading.Thread(target=self._run, name="download-watch", daemon=True).start()

    def end(self) -> None:
        """Stop watching."""
        self._over.set()

    def require_life(self) -> None:
        """Raise _Broken where the connection was ended by this watch."""
        if self._is_overdue:
            raise _Broken("it only trickles")

    def _run(self) -> None:
        began_s, before = time.monotonic(), 0
        while not self._over.wait(1.0):
            if time.monotonic() - began_s < SLOW_S:
                continue
            now = _bytes_received(self._connection)
            if now - before < SLOW_BYTES:
                self._is_overdue = True
                _shut(self._connection)
                return
            began_s, before = time.monotonic(), now


def _bytes_received(connection: _Plain | _Secure) -> int:
    """Return how much came on a connection, as the kernel counts it."""
    try:
        info = connection.dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    except (OSError, AttributeError):
        return 0
    return int.from_bytes(info[128:136], sys.byteorder)


def _shut(connection: _Plain | _Secure) -> None:
    with suppress(OSError, AttributeError):
        connection.dialled.shutdown(socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    """Connects to the address that was judged, and to nothing else.

    `dialled` stays when the library has let go of the socket, while the answer is still read.
    """

    dialled: socket.socket

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=READ_S)
        self._target = target

    def connect(self) -> None:
        """Connect to the address; the name is not asked again."""
        self.sock = self.dialled = _dial(self._target)


class _Secure(http.client.HTTPSConnection):
    """The same with TLS, whose certificate must be for the name."""

    dialled: socket.socket

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=READ_S)
        self._target = target
        self._tls = ssl.create_default_context()

    def connect(self) -> None:
        """Connect to the address, and verify the name."""
        plain = _dial(self._target)
        try:
            self.sock = self.dialled = self._tls.wrap_socket(
                plain, server_hostname=self._target.host
            )
        except BaseException:
            plain.close()
            raise


def _dial(target: Target) -> socket.socket:
    dialled = socket.create_connection((target.address, target.port), timeout=CONNECT_S)
    dialled.settimeout(READ_S)
    return dialled
