"""A person at a browser without the browser: logs in, keeps the connection, holds the cookies."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.parse
from dataclasses import dataclass
from http.cookies import SimpleCookie

from websockets import Origin, Subprotocol
from websockets.sync.client import ClientConnection, connect

from tests.support.site import Site

PASSWORD = "a very long pass phrase"
TIMEOUT_S = 30.0
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, and the seconds from the first byte sent to the last one read."""

    status: int
    body: str
    took_s: float


class Visitor:
    """Somebody at a site, over one kept connection: at first the administrator."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._line = http.client.HTTPConnection("localhost", site.port, timeout=TIMEOUT_S)
        self._jar = SimpleCookie()

    def log_in(self) -> None:
        """Log in with the one-time password and choose another, as the site asks."""
        self.log_in_as("admin", self._site.password)
        change = {"oldpassword": self._site.password, "password1": PASSWORD, "password2": PASSWORD}
        self.send_form("/account/password/", change)
        assert self.get("/").status == 200

    def log_in_as(self, username: str, password: str) -> None:
        """Send the login form."""
        self.send_form("/login/", {"login": username, "password": password})

    def get(self, path: str) -> Answer:
        """Ask for a page."""
        return self._ask("GET", path)

    def cookies(self) -> dict[str, str]:
        """Name and value of each cookie."""
        return {name: morsel.value for name, morsel in self._jar.items()}

    def status_socket(self) -> ClientConnection:
        """Open the socket that the pages are told of changes through."""
        return self._open("/ws/status")

    def _open(self, path: str, protocols: list[str] | None = None) -> ClientConnection:
        socket: ClientConnection = connect(
            f"ws://localhost:{self._site.port}{path}",
            origin=Origin(self._site.url),
            subprotocols=[Subprotocol(each) for each in protocols or []] or None,
            additional_headers={"Cookie": self._cookie_header()},
            compression=None,
            open_timeout=TIMEOUT_S,
            legacy=True,  # closed by its owner, not by a block
        )
        return socket

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def post(self, path: str, body: str = "") -> Answer:
        """Send what a script of a page sends."""
        return self._ask("POST", path, body, {"X-CSRFToken": self.cookies()["kvmweb_csrf"]})

    def console(self, vm_id: str) -> ClientConnection:
        """Get a ticket for the screen of a guest and open it."""
        ticket = json.loads(self.post(f"/guests/{vm_id}/ticket/").body)
        plain = [each for each in ticket["protocols"] if each != "seats"]
        return self._open(ticket["url"], plain)

    def send_form(self, path: str, fields: dict[str, str]) -> None:
        """Fill the form of a page and send it."""
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', self.get(path).body)
        assert token, f"no form at {path}"
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token[1]})
        answer = self._ask("POST", path, body)
        assert answer.status == 302, f"{path} was not accepted: {answer.status}"

    def _ask(
        self, method: str, path: str, body: str | None = None, more: dict[str, str] | None = None
    ) -> Answer:
        headers = {"Cookie": self._cookie_header(), "Referer": self._site.url, **(more or {})}
        if body is not None:
            headers["Content-Type"] = FORM_TYPE
        began_s = time.perf_counter()
        self._line.request(method, path, body, headers)
        response = self._line.getresponse()
        data = response.read()
        took_s = time.perf_counter() - began_s
        for header in response.msg.get_all("Set-Cookie", []):
            self._jar.load(header)
        return Answer(response.status, data.decode(), took_s)

    def _cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies().items())
