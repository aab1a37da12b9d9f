"""What every page's frame needs: tabs, jobs, hosts that are away, appearance, scripts' texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext as _

from vms import circles, selectors
from vms.models import Host, User
from vms.policy import Action, Person, can
from vms.web.jobs import JobLine, job_lines
from vms.web.notices import NoticeLine, notice_lines
from vms.web.person import person
from vms.web.texts import script_texts

APPEARANCE_COOKIE = "kvmweb_appearance"
APPEARANCES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the green strip."""

    name: str
    label: str
    url: str


class Frame:
    """The frame of one page; what costs a query is read only when a page shows it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def _actor(self) -> Person | None:
        user = getattr(self._request, "user", None)
        return person(self._request) if isinstance(user, User) else None

    @cached_property
    def tabs(self) -> list[Tab]:
        """The tabs that this person may use."""
        actor = self._actor
        if actor is None:
            return []
        wanted = [
            (True, "guests", _("Guests")),
            (True, "templates", _("Templates")),
            (can(actor, Action.POOL_VIEW), "storage", _("Storage")),
            (can(actor, Action.HOST_VIEW), "host", _("Host")),
            (can(actor, Action.PEOPLE_VIEW), "people", _("People")),
            (self._has_groups(actor), "groups", _("Groups")),
            (can(actor, Action.AUDIT_VIEW), "activity", _("Activity")),
        ]
        return [Tab(name, label, reverse(name)) for is_shown, name, label in wanted if is_shown]

    def _has_groups(self, actor: Person) -> bool:
        """Who sees all people finds the groups there; others have a tab once they are in one."""
        return not can(actor, Action.PEOPLE_VIEW) and circles.groups(actor).exists()

    @property
    def active_tab(self) -> str:
        """Name of the tab that the page belongs to."""
        match = getattr(self._request, "resolver_match", None)
        page = (match.url_name or "") if match else ""
        starts = {
            "guest": "guests",
            "recording": "guests",
            "template": "templates",
            "storage": "storage",
            "pool": "storage",
            "volume": "storage",
            "image": "templates",
            "host": "host",
            "pe": "people",
            "group": "groups",
            "quota": "people",
            "lease": "people",
            "activity": "activity",
        }
        tab = next((tab for start, tab in starts.items() if page.startswith(start)), "")
        shown = {each.name for each in self.tabs}
        return "people" if tab == "groups" and tab not in shown else tab

    @cached_property
    def jobs(self) -> list[JobLine]:
        """Jobs under way and those that ended lately."""
        return job_lines(self._actor) if self._actor else []

    @property
    def open_jobs(self) -> int:
        """How many jobs are under way."""
        return sum(1 for job in self.jobs if job.is_open)

    @property
    def has_ended_jobs(self) -> bool:
        """True while there is something to clear."""
        return any(not job.is_open for job in self.jobs)

    @property
    def bad_jobs(self) -> int:
        """How many of his own jobs failed and were not dismissed yet."""
        return sum(1 for job in self.jobs if job.is_bad and job.is_mine)

    @cached_property
    def notices(self) -> list[NoticeLine]:
        """The newest notices."""
        return notice_lines(self._actor) if self._actor else []

    @property
    def new_notices(self) -> int:
        """How many of them were not read yet."""
        return sum(1 for notice in self.notices if not notice.is_read)

    @cached_property
    def away_hosts(self) -> list[Host]:
        """Hosts that do not answer."""
        return list(selectors.away_hosts(self._actor)) if self._actor else []

    @property
    def appearance(self) -> str:
        """light, dark, or "" for what the desk prefers."""
        value = self._request.COOKIES.get(APPEARANCE_COOKIE, "")
        return value if value in APPEARANCES else ""

    @property
    def status_url(self) -> str:
        """Path of the status websocket; the browser adds scheme and host.

        "" while something must be done first: the socket would be refused.
        """
        if getattr(self._request, "duty", ""):
            return ""
        return f"{get_script_prefix()}ws/status"

    @property
    def cookie_path(self) -> str:
        """Path for which the browser keeps the appearance."""
        return get_script_prefix()

    @property
    def texts(self) -> dict[str, str]:
        """Sentences for the scripts."""
        return script_texts()


def frame(request: HttpRequest) -> dict[str, Any]:  # Any: as Django has it
    """Put the frame into every template."""
    return {"frame": Frame(request)}
