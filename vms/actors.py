"""Who acts, and from where: somebody who logged in, somebody with a link, or kvmweb itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from vms.models import ApiToken, ConsoleLink, User


class Door(StrEnum):
    """Through which door an actor came."""

    WEB = "web"
    API = "api"
    CONSOLE = "console"
    COMMAND = "command"
    WORKER = "worker"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who logged in, and from where. `session_key` is "" for a bearer token."""

    user: User
    door: Door = Door.WEB
    address: str = ""
    session_key: str = ""
    token: ApiToken | None = field(default=None)

    @property
    def name(self) -> str:
        """The name that the audit trail shows."""
        return self.user.username

    @property
    def role(self) -> str:
        """The role that the audit trail shows."""
        return str(self.user.role)


@dataclass(frozen=True, slots=True)
class SystemActor:
    """kvmweb itself: the worker and the command line, never a request."""

    door: Door = Door.WORKER
    name: str = "kvmweb"
    role: str = "system"
    address: str = ""


@dataclass(frozen=True, slots=True)
class LinkGuest:
    """Somebody without an account who came by a link to a console, and from where."""

    link: ConsoleLink
    address: str = ""
    door: Door = Door.LINK
    role: str = "link"

    @property
    def name(self) -> str:
        """The name that the audit trail shows."""
        return self.link.name


Actor = Person | SystemActor | LinkGuest
