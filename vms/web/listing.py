"""What somebody looks at on the guests page: search, order, view, columns; and its chips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from vms import finder, messages, search
from vms.finder import Found, Order, SortKey
from vms.hypervisor.types import VmState
from vms.policy import Action, Person, can
from vms.services import preferences

VIEWS = ("list", "gallery")
PAGE = 30
"""So many rows come with the page; the script asks for the others when they come near."""


def view_of(request: HttpRequest, actor: Person) -> str:
    """Return list or gallery: what the address says, else how the person looked last."""
    wanted = request.GET.get("view") or actor.user.guest_view
    return wanted if wanted in VIEWS else VIEWS[0]


class Listing:
    """The guests that one request asks for."""

    def __init__(self, request: HttpRequest, actor: Person) -> None:
        self.actor = actor
        self.view = view_of(request, actor)
        self.query = request.GET.get("q", "").strip()
        self.likes = preferences.of(actor.user)
        asked = Order.read(request.GET.get("sort", ""))
        self.order = asked or self.likes.order or Order()
        self._page = request.GET.get("page", "1")

    @cached_property
    def found(self) -> Found:
        """The guests, in order; one query."""
        return finder.find(self.actor, self.query, self.order)

    @property
    def sees_owners(self) -> bool:
        """Whether owners are shown: there are guests of others, or may be."""
        return self.sees_all or self.found.has_foreign

    @property
    def sees_all(self) -> bool:
        """Whether everybody's guests are shown."""
        return can(self.actor, Action.PEOPLE_VIEW)

    @property
    def problem(self) -> str:
        """What was wrong with the search, in sentences; "" when nothing was."""
        return " ".join(messages.sentence(each) for each in self.found.search.problems)

    @property
    def pages(self) -> int:
        """How many pages there are where no script runs."""
        return max(1, -(-len(self.found.revisions) // PAGE))

    @property
    def page(self) -> int:
        """Which of them is shown, from 1."""
        wanted = int(self._page) if self._page.isdecimal() and len(self._page) < 6 else 1
        return min(max(1, wanted), self.pages)

    @property
    def shown_ids(self) -> list[str]:
        """Ids of the rows that come with the page."""
        return self.found.ids[(self.page - 1) * PAGE : self.page * PAGE]

    def url(self, *, query: str | None = None, order: Order | None = None, page: int = 1) -> str:
        """Return the address of the same list with something changed."""
        q = self.query if query is None else query
        values = {"q": q, "sort": str(order or self.order), "page": page if page > 1 else ""}
        return f"{reverse('guests')}?{urlencode({key: v for key, v in values.items() if v})}"

    @property
    def previous_url(self) -> str:
        """Address of the page before, or ""."""
        return self.url(page=self.page - 1) if self.page > 1 else ""

    @property
    def next_url(self) -> str:
        """Address of the page after, or ""."""
        return self.url(page=self.page + 1) if self.page < self.pages else ""


@dataclass(frozen=True, slots=True)
class Head:
    """A column that can be sorted by; pressing it asks for the order `next`."""

    key: str
    label: str
    sort: str
    """ascending, descending or none, as aria-sort says it."""
    next: str


def labels() -> dict[SortKey, str]:
    """Name what guests can be ordered by."""
    return {
        SortKey.NAME: _("name"),
        SortKey.STATE: _("state"),
        SortKey.OWNER: _("owner"),
        SortKey.CPU: _("CPU"),
        SortKey.MEMORY: _("memory"),
        SortKey.DISK: _("disk"),
        SortKey.NETWORK: _("network"),
    }


def first_order(key: SortKey) -> Order:
    """Return how a column is ordered at first: numbers with the largest first."""
    return Order(key, is_descending=key.is_gauge)


def heads(listing: Listing) -> list[Head]:
    """Give the columns of the list."""
    names = {
        SortKey.NAME: _("Guest"),
        SortKey.CPU: _("CPU"),
        SortKey.MEMORY: _("Memory"),
        SortKey.DISK: _("Disk I/O"),
        SortKey.NETWORK: _("Network I/O"),
    }
    shown = {key: label for key, label in names.items() if key not in listing.likes.hidden_columns}
    return [_head(listing.order, key, label) for key, label in shown.items()]


def _head(order: Order, key: SortKey, label: str) -> Head:
    if order.key is not key:
        return Head(key, label, "none", str(first_order(key)))
    sort = "descending" if order.is_descending else "ascending"
    return Head(key, label, sort, str(order.reverse))


@dataclass(frozen=True, slots=True)
class Chip:
    """A button that says what is asked of one field, and opens the choices."""

    name: str
    label: str
    value: str
    is_set: bool
    url: str


def chips(listing: Listing) -> list[Chip]:
    """Give the chips beside the search box."""
    names = {"state": _("state"), "owner": _("owner"), "tag": _("tag"), "sort": _("sort")}
    if not listing.sees_owners:
        del names["owner"]
    return [_chip(listing, name, label) for name, label in names.items()]


def _chip(listing: Listing, name: str, label: str) -> Chip:
    values = urlencode({"q": listing.query, "sort": str(listing.order)})
    url = f"{reverse('guest-choices', args=[name])}?{values}"
    if name == "sort":
        arrow = "↓" if listing.order.is_descending else "↑"
        return Chip(name, label, f"{labels()[listing.order.key]} {arrow}", False, url)
    asked = _asked(listing, name)
    words = {choice.value: choice.label for choice in _field_choices(listing, name)}
    value = ", ".join(words.get(each, each) for each in asked) or words[""]
    return Chip(name, label, value, bool(asked), url)


def _asked(listing: Listing, name: str) -> list[str]:
    """Return what the search asks of a field, "no" standing for its absence."""
    asked = list(search.values_of(listing.query, name))
    return [*asked, "no"] if name in search.values_of(listing.query, "no") else asked


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a chip's menu; choosing it goes to `url`."""

    value: str
    label: str
    is_chosen: bool = False
    url: str = ""


def choices(listing: Listing, name: str) -> list[Choice]:
    """Give the lines of a chip's menu; none for a chip that there is not."""
    if name == "sort":
        return _sort_choices(listing)
    if name == "owner" and not listing.sees_owners:
        return []
    asked = _asked(listing, name)
    return [
        Choice(
            choice.value,
            choice.label,
            choice.value.casefold() in asked if choice.value else not asked,
            listing.url(query=search.with_term(listing.query, name, choice.value)),
        )
        for choice in _field_choices(listing, name)
    ]


def _field_choices(listing: Listing, name: str) -> list[Choice]:
    match name:
        case "state":
            states = [Choice(state.value, messages.state_label(state)) for state in VmState]
            return [Choice("", _("any")), *states]
        case "owner":
            owners = [Choice(owner, owner) for owner in listing.found.owners]
            some = [Choice("", _("everyone")), Choice("me", _("me")), Choice("no", _("nobody"))]
            return [*some, *owners]
        case "tag":
            tags = [Choice(tag, tag) for tag in listing.found.tags]
            return [Choice("", _("any")), Choice("no", _("without a tag")), *tags]
        case _:
            return []


def _sort_choices(listing: Listing) -> list[Choice]:
    found = []
    for key, label in labels().items():
        if key is SortKey.OWNER and not listing.sees_owners:
            continue
        is_chosen = listing.order.key is key
        order = listing.order.reverse if is_chosen else first_order(key)
        found.append(Choice(str(order), label, is_chosen, listing.url(order=order)))
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """A part of the guest list that can be hidden."""

    name: str
    label: str
    is_shown: bool


def columns(listing: Listing) -> list[Column]:
    """Give the parts of the list, with whether each is shown."""
    names = {
        "cpu": _("CPU"),
        "memory": _("Memory"),
        "disk": _("Disk I/O"),
        "network": _("Network I/O"),
        "os": _("Operating system"),
        "owner": _("Owner"),
        "address": _("IP address"),
        "tags": _("Tags"),
    }
    if not listing.sees_owners:
        del names["owner"]
    hidden = listing.likes.hidden_columns
    return [Column(name, label, name not in hidden) for name, label in names.items()]
