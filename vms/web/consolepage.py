"""What the console page shows around the picture: what can be opened, keys, who is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from vms.live import presence
from vms.models import VM
from vms.services import consoles

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


@dataclass(frozen=True, slots=True)
class Occupant:
    """Somebody who sits at a console of the guest; `title` says how."""

    name: str
    title: str
    is_viewer: bool


def console_context(guest: VM) -> dict[str, Any]:  # Any: a context
    """Give what the console page needs beside the frame of a guest's pages."""
    return {
        "panels": _panels(guest),
        "people": _people(guest),
        "combinations": COMBINATIONS,
        "terminals": TERMINALS,
        "holds": HOLDS,
        "layouts": LAYOUTS,
    }


def _panels(guest: VM) -> list[Panel]:
    numbers = consoles.serial_devices(guest)
    serials = [Panel(f"serial-{at}", _serial_label(at), consoles.SERIAL, at) for at in numbers]
    if serials and not guest.has_vnc:
        return serials
    return [Panel("screen", _("Screen"), consoles.VNC), *serials]


def _serial_label(number: int) -> str:
    return _("Serial %(number)s") % {"number": number + 1} if number else _("Serial")


def _people(guest: VM) -> list[Occupant]:
    """List the consoles that are open in this process, longest first."""
    return [
        Occupant(each.user_name, _how(each), each.mode != consoles.CONTROL)
        for each in presence.at(str(guest.pk))
    ]


def _how(occupant: presence.Occupant) -> str:
    is_serial = occupant.kind == consoles.SERIAL
    if occupant.mode == consoles.CONTROL:
        return _("uses a serial port") if is_serial else _("uses the screen")
    return _("watches a serial port") if is_serial else _("watches the screen")
