"""The site as a gateway sees it: three questions over one kept HTTPS connection."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

API = "/api/v1/gateway/consoles"
TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SiteAway(Exception):
    """The site does not answer, or not as it should."""


class Refused(Exception):
    """The site said no."""


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Where the site is and how one proves to be its gateway. `ca` names certificates to trust."""

    url: str
    credential: str = field(repr=False)
    ca: str | None = None

    def check(self) -> None:
        """Raise ValueError for an address over which a credential must not travel."""
        parts = urlsplit(self.url)
        is_safe = parts.scheme == "https" or parts.hostname in LOOPBACK
        if parts.scheme not in {"http", "https"} or not parts.hostname or not is_safe:
            msg = f"the site must be an https address, or http on this very machine: {self.url}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Console:
    """What a ticket is good for."""

    id: str
    domain_uuid: str
    has_control: bool
    stalled_s: float


@dataclass(frozen=True, slots=True)
class News:
    """How an open console is. `said` are text messages of its page, in order."""

    bytes_in: int = 0
    bytes_out: int = 0
    idle_s: float = 0.0
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Orders:
    """What to do with a console: `end` is "" or why it ends, `tell` goes to its page."""

    end: str
    has_control: bool
    tell: str


class Site:
    """Asks the site. Not thread-safe: each thread has its own."""

    def __init__(self, address: SiteAddress) -> None:
        self._address = address
        self._line: http.client.HTTPConnection | None = None

    def redeem(self, *, ticket: str, vm_id: str, has_origin: bool, address: str) -> Console:
        """Burn a ticket. Raises Refused, SiteAway."""
        wanted = {
            "ticket": ticket,
            "vm_id": vm_id,
            "has_trusted_origin": has_origin,
            "address": address,
        }
        answer = self._post(API, wanted)
        try:
            return Console(
                str(answer["id"]),
                str(answer["domain_uuid"]),
                answer["has_control"] is True,
                float(answer["stalled_s"]),
            )
        except (KeyError, TypeError, ValueError):
            raise SiteAway("not understood") from None

    def still(self, console_id: str, news: News) -> Orders:
        """Say that a console is open; return what to do with it. Raises Refused, SiteAway."""
        answer = self._post(f"{API}/{console_id}", asdict(news))
        has_control = answer.get("has_control") is True
        return Orders(str(answer.get("end", "")), has_control, str(answer.get("tell", "")))

    def closed(self, console_id: str, *, reason: str, bytes_in: int, bytes_out: int) -> None:
        """Say that a console has ended. Raises Refused, SiteAway."""
        numbers = {"reason": reason, "bytes_in": bytes_in, "bytes_out": bytes_out}
        self._post(f"{API}/{console_id}/closed", numbers)

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:  # Any: JSON
        headers = {
            "Authorization": f"Bearer {self._address.credential}",
            "Content-Type": "application/json",
        }
        prefix = urlsplit(self._address.url).path.rstrip("/")
        try:
            line = self._connected()
            line.request("POST", prefix + path, json.dumps(body), headers)
            response = line.getresponse()
            data = response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise SiteAway(str(error)) from error
        if response.status in {401, 403, 404}:
            raise Refused(str(response.status))
        if response.status not in {200, 201}:
            self.close()
            raise SiteAway(f"status {response.status}")
        try:
            found = json.loads(data)
        except ValueError:
            raise SiteAway("not understood") from None
        return found if isinstance(found, dict) else {}

    def _connected(self) -> http.client.HTTPConnection:
        if self._line is None:
            parts = urlsplit(self._address.url)
            host = parts.hostname or ""
            if parts.scheme == "https":
                context = ssl.create_default_context(cafile=self._address.ca)
                self._line = http.client.HTTPSConnection(
                    host, parts.port, timeout=TIMEOUT_S, context=context
                )
            else:
                self._line = http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        return self._line
