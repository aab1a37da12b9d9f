"""Guests as list and gallery show them: everything a row needs, without a query of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from django.urls import reverse

from vms import messages, storagewords
from vms.hypervisor.types import VmState
from vms.live import recent
from vms.live.messages import Numbers
from vms.models import VM
from vms.policy import Action, Person, can
from vms.web.jobs import JobLine, job_line
from vms.web.leaselooks import LeaseLook, lease_look
from vms.web.numbers import Gauge, Gauges
from vms.web.taglooks import TagLook, TagLooks

_NIL = "00000000-0000-0000-0000-000000000000"

OS_ICONS = {
    "debian": "brand-debian",
    "ubuntu": "brand-ubuntu",
    "windows": "brand-windows",
    "red hat": "brand-redhat",
    "redhat": "brand-redhat",
    "rhel": "brand-redhat",
}


def os_icon(name: str) -> str:
    """Choose the logo of an operating system by its name."""
    wanted = name.lower()
    return next((icon for word, icon in OS_ICONS.items() if word in wanted), "device-desktop")


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of a guest's pages; resolved once per page, not once per guest."""

    guest: str
    console: str
    start: str
    menu: str
    thumbnail: str
    tags: str

    @classmethod
    def make(cls) -> Links:
        """Resolve each address once, for a guest that does not exist."""
        return cls(
            guest=reverse("guest", args=[_NIL]),
            console=reverse("guest-console", args=[_NIL]),
            start=reverse("guest-power", args=[_NIL, "start"]),
            menu=reverse("guest-menu", args=[_NIL]),
            thumbnail=reverse("guest-thumbnail", args=[_NIL]),
            tags=reverse("guest-tags", args=[_NIL]),
        )

    def of(self, pk: str) -> Links:
        """Give the addresses of one guest."""
        return Links(
            *(
                getattr(self, name).replace(_NIL, pk)
                for name in ("guest", "console", "start", "menu", "thumbnail", "tags")
            )
        )


@dataclass(frozen=True, slots=True)
class GuestRow:
    """A guest in list or gallery."""

    id: str
    name: str
    revision: int
    state: str
    state_label: str
    is_active: bool
    owner: str
    os_name: str
    address: str
    tags: tuple[TagLook, ...]
    lease: LeaseLook | None
    can_tag: bool
    links: Links
    has_screen: bool
    can_start: bool
    job: JobLine | None
    can_cancel: bool
    gauges: tuple[Gauge, ...] = field(compare=False)
    """They move while the rest of a row stays as it is; rowhtml.py puts them in."""

    @property
    def state_note(self) -> str:
        """The state in words where the dot alone does not say enough."""
        is_plain = self.job is not None or self.state == VmState.RUNNING.value
        return "" if is_plain else self.state_label


class Wording:
    """Words guests for one person; what is the same for all of them is made once."""

    def __init__(self, actor: Person, hidden: Collection[str] = ()) -> None:
        self._actor, self._hidden = actor, frozenset(hidden)
        self._links, self._looks, self._gauge = Links.make(), TagLooks(), Gauges()
        self._user_id, self._sees_all = actor.user.pk, can(actor, Action.PEOPLE_VIEW)
        self._labels = {state.value: messages.state_label(state) for state in VmState}

    def row(self, guest: VM) -> GuestRow:
        """Word one guest."""
        pk, is_active = str(guest.pk), guest.is_active
        jobs = guest.open_jobs  # type: ignore[attr-defined]  # set by selectors.listed_vms and vms
        job = jobs[0] if jobs else None
        if job is not None:
            job.vm = guest  # the same row, which is not read again to ask for rights
        tags = self._looks.of(guest.tags) if "tags" not in self._hidden else ()
        return GuestRow(
            id=pk,
            name=guest.name,
            revision=guest.revision,
            state=guest.state,
            state_label=self._label(guest),
            is_active=is_active,
            owner=self._owner(guest),
            os_name=self._os_name(guest),
            address=self._address(guest),
            tags=tags,
            lease=lease_look(guest),
            can_tag="tags" not in self._hidden and self._may(Action.VM_EDIT, guest),
            links=self._links.of(pk),
            has_screen=is_active and guest.has_vnc,
            can_start=guest.state == VmState.OFF.value and self._may(Action.VM_POWER, guest),
            job=job_line(job) if job else None,
            can_cancel=job is not None and can(self._actor, Action.JOB_CANCEL, job),
            gauges=self._gauges(recent.latest(pk) if is_active else None),
        )

    def _label(self, guest: VM) -> str:
        label = self._labels[guest.state]
        return storagewords.paused_label(label, guest.state, guest.state_reason)

    def _owner(self, guest: VM) -> str:
        """Name who owns it: not of one's own, unless one sees everybody's."""
        if guest.owner is None or "owner" in self._hidden:
            return ""
        is_plain = guest.owner_id == self._user_id and not self._sees_all
        return "" if is_plain else guest.owner.username

    def _may(self, action: Action, guest: VM) -> bool:
        return can(self._actor, action, guest)

    def _os_name(self, guest: VM) -> str:
        if "os" in self._hidden:
            return ""
        return guest.template.os_name if guest.template else guest.template_name

    def _address(self, guest: VM) -> str:
        has_none = not guest.addresses or "address" in self._hidden
        return "" if has_none else str(guest.addresses[0])

    def _gauges(self, numbers: Numbers | None) -> tuple[Gauge, ...]:
        gauges = self._gauge.of(numbers)
        if not self._hidden:
            return gauges
        return tuple(each for each in gauges if each.column not in self._hidden)


def guest_rows(
    actor: Person, guests: Iterable[VM], hidden: Collection[str] = ()
) -> Iterator[GuestRow]:
    """Word guests, without the columns that are hidden."""
    wording = Wording(actor, hidden)
    return (wording.row(guest) for guest in guests)
