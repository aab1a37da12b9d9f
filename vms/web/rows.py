"""Guests as list and gallery show them: everything a row needs, without a query of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.urls import reverse

from vms import messages
from vms.hypervisor.types import VmState
from vms.live import recent
from vms.models import VM
from vms.policy import Action, Person, can
from vms.web.jobs import JobLine, job_line
from vms.web.numbers import Gauge, gauges

FULL_ROWS = 30
"""So many rows are complete at first; the page asks for the others when they come near."""
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

    @classmethod
    def make(cls) -> Links:
        """Resolve each address once, for a guest that does not exist."""
        return cls(
            guest=reverse("guest", args=[_NIL]),
            console=reverse("guest-console", args=[_NIL]),
            start=reverse("guest-power", args=[_NIL, "start"]),
            menu=reverse("guest-menu", args=[_NIL]),
            thumbnail=reverse("guest-thumbnail", args=[_NIL]),
        )

    def of(self, pk: str) -> Links:
        """Give the addresses of one guest."""
        return Links(
            *(
                getattr(self, name).replace(_NIL, pk)
                for name in ("guest", "console", "start", "menu", "thumbnail")
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
    is_full: bool
    find: str
    """What the filter looks in, lower case."""
    owner: str
    os_name: str
    address: str
    links: Links
    has_screen: bool
    can_start: bool
    job: JobLine | None
    gauges: tuple[Gauge, ...]

    @property
    def parts(self) -> list[str]:
        """What stands under the name."""
        is_plain = self.job is not None or self.state == VmState.RUNNING.value
        state = "" if is_plain else self.state_label
        return [part for part in (state, self.os_name, self.owner, self.address) if part]


def guest_rows(actor: Person, guests: Iterable[VM], full: int = FULL_ROWS) -> Iterator[GuestRow]:
    """Word guests; those after the first `full` are brief."""
    links = Links.make()
    labels = {state.value: messages.state_label(state) for state in VmState}
    for number, guest in enumerate(guests):
        has_owner = guest.owner is not None and can(actor, Action.VM_SET_OWNER, guest)
        owner = guest.owner.username if guest.owner and has_owner else ""
        yield _row(guest, owner, links, labels, is_full=number < full)


def _row(guest: VM, owner: str, links: Links, labels: dict[str, str], *, is_full: bool) -> GuestRow:
    pk = str(guest.pk)
    jobs = guest.open_jobs  # type: ignore[attr-defined]  # set by selectors.listed_vms and vms
    is_active, label = guest.is_active, labels[guest.state]
    address = str(guest.addresses[0]) if guest.addresses else ""
    find = " ".join((guest.name, owner, label, *map(str, guest.addresses))).lower()
    return GuestRow(
        id=pk,
        name=guest.name,
        revision=guest.revision,
        state=guest.state,
        state_label=label,
        is_active=is_active,
        is_full=is_full or bool(jobs),
        find=find,
        owner=owner,
        os_name=guest.template.os_name if guest.template else guest.template_name,
        address=address,
        links=links.of(pk),
        has_screen=is_active and guest.has_vnc,
        can_start=guest.state == VmState.OFF.value,
        job=job_line(jobs[0]) if jobs else None,
        gauges=gauges(recent.latest(pk)) if is_full and is_active else (),
    )


def one_row(actor: Person, guest: VM) -> GuestRow:
    """Word one guest."""
    return next(guest_rows(actor, [guest]))
