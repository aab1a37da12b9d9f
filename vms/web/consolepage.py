"""What the console page shows around the picture: what can be opened, keys, who is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from vms.models import VM, AuditEntry, ConsoleLink
from vms.policy import Action, Person, can
from vms.services import consoles, links, recordings, seats
from vms.web.recordingpage import device_label, filmings

COMBINATIONS = (
    ("ctrl alt del", "Ctrl+Alt+Del"),
    ("alt tab", "Alt+Tab"),
    ("alt f4", "Alt+F4"),
    ("print", "Print Screen"),
    ("alt print", "SysRq (Alt+Print Screen)"),
)
TERMINALS = tuple((f"ctrl alt f{number}", f"F{number}") for number in range(1, 13))
HOLDS = (("ctrl", "Ctrl"), ("alt", "Alt"), ("super", "Super (Windows)"))
LAYOUTS = (
    ("us", lazy("English (US)")),
    ("gb", lazy("English (UK)")),
    ("de", lazy("German")),
    ("fr", lazy("French")),
    ("es", lazy("Spanish")),
    ("it", lazy("Italian")),
    ("br", lazy("Portuguese (Brazil)")),
    ("se", lazy("Swedish and Finnish")),
    ("ch", lazy("German (Switzerland)")),
    ("jp", lazy("Japanese")),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """Something that can be opened: the screen, or a serial port by its number from 0."""

    key: str
    label: str
    kind: str
    device: int = 0


def console_context(actor: Person, guest: VM) -> dict[str, Any]:  # Any: a context
    """Give what the console page needs beside the frame of a guest's pages."""
    panels = panels_of(guest)
    return {
        "panels": panels,
        "filmings": filmings(actor, guest, [(each.kind, each.device) for each in panels]),
        "can_control": can(actor, Action.VM_CONSOLE, guest),
        "can_take": can(actor, Action.VM_CONSOLE_TAKE, guest),
        "can_look": recordings.can_look(actor, guest),
        "can_see_links": links.can_look(actor, guest),
        "can_media": can(actor, Action.VM_MEDIA, guest),
        "has_clipboard": consoles.has_clipboard(guest),
        **keys_context(),
    }


def keys_context() -> dict[str, Any]:  # Any: a context
    """Give what the menus of every console need."""
    return {
        "combinations": COMBINATIONS,
        "terminals": TERMINALS,
        "holds": HOLDS,
        "layouts": LAYOUTS,
    }


def panels_of(guest: VM) -> list[Panel]:
    """List what can be opened of a guest."""
    numbers = consoles.serial_devices(guest)
    kind = consoles.SERIAL
    serials = [Panel(f"serial-{at}", device_label(kind, at), kind, at) for at in numbers]
    if serials and not guest.has_vnc:
        return serials
    return [Panel("screen", device_label(consoles.VNC, 0), consoles.VNC), *serials]


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A link as the list shows it; `ending` says why it no longer works."""

    link: ConsoleLink
    what: str
    ending: str
    left: str
    used: str
    open: int

    @property
    def is_alive(self) -> bool:
        """True when it can still be revoked."""
        return self.link.is_alive


def link_lines(found: Iterable[ConsoleLink]) -> list[LinkLine]:
    """Word the links of a guest."""
    rows = list(found)
    taken = Counter(seats.alive().filter(link__in=rows).values_list("link_id", flat=True))
    return [_link_line(link, taken[link.pk]) for link in rows]


def _link_line(link: ConsoleLink, taken: int) -> LinkLine:
    what = device_label(link.kind, link.device)
    how = _("can be used") if link.has_control else _("only watched")
    left = ""
    if link.uses_left is not None:
        left = ngettext("%(n)s more time", "%(n)s more times", link.uses_left)
        left %= {"n": link.uses_left}
    used = ngettext("%(n)s time", "%(n)s times", link.uses) % {"n": link.uses}
    return LinkLine(link, f"{what}, {how}", _link_ending(link), left, used, taken)


def _link_ending(link: ConsoleLink) -> str:
    if link.revoked_at is not None:
        return _("revoked")
    if not link.is_alive:
        return _("expired")
    return _("used up") if link.uses_left == 0 else ""


def way_in(entry: AuditEntry) -> str:
    """Say of a console in the audit trail what was opened and how; "" of anything else."""
    kind, mode = entry.detail.get("kind"), entry.detail.get("mode", consoles.CONTROL)
    if not entry.action.startswith("console.") or not kind:
        return ""
    what = device_label(kind, entry.detail.get("device", 0))
    return what if mode == consoles.CONTROL else _("%(what)s, only watched") % {"what": what}
