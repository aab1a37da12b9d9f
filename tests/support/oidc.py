"""An OpenID provider of its own: a process on the loopback, ended whatever happens."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator

from tests.support.site import free_port, wait_until


class Provider:
    """A provider that runs; whoever is asked for logs in there without a password."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def is_up(self) -> bool:
        """Say whether it answers."""
        with contextlib.suppress(OSError):
            return bool(_ask(f"{self.url}/.well-known/openid-configuration"))
        return False

    def set_claims(self, sub: str, **claims: object) -> None:
        """Say what the provider tells of a person."""
        _ask(f"{self.url}/users/{urllib.parse.quote(sub)}", "PUT", json.dumps(claims).encode())

    def consent(self, url: str, sub: str, *, denies: bool = False) -> str:
        """Log in at the provider as `sub`; return where it sends the browser."""
        data = {"action": "deny"} if denies else {"sub": sub}
        body = urllib.parse.urlencode(data).encode()
        opener = urllib.request.build_opener(_Stay)
        with opener.open(urllib.request.Request(url, data=body), timeout=10) as answer:
            return str(answer.headers["Location"])


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it is the answer."""

    def redirect_request(self, *_args: object) -> None:
        return None

    def http_error_302(self, _request, response, _code, _message, _headers):
        return response


def _ask(url: str, method: str = "GET", body: bytes | None = None) -> bytes:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return bytes(answer.read() or b"ok")


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """A provider that runs."""
    one = Provider()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(one.port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(one.is_up, limit_s=30, what="provider up")
        yield one
    finally:
        process.kill()
        process.wait(10)
