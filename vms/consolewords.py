"""The sentences about consoles and links to them; vms/messages.py hands them out."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

SENTENCES: dict[str, str | Promise] = {
    "console-no-display": lazy("This guest has no VNC display."),
    "console-remote": lazy("The display of a guest on a remote host cannot be opened from here."),
    "console-off": lazy("The guest is off. Start it to see its screen."),
    "console-no-serial": lazy("This guest has no serial port that can be opened."),
    "console-serial-busy": lazy(
        "Something else holds this serial port, such as “virsh console” on the host. End that, "
        "then connect again."
    ),
    "console-exclusive": lazy("Somebody has the consoles of this guest for himself alone."),
    "link-invalid": lazy("This link does not work, or no longer. Ask whoever gave it to you."),
    "link-passphrase": lazy("This link asks for a passphrase."),
    "link-passphrase-wrong": lazy("This is not the passphrase."),
    "too-many-tries": lazy("Too many attempts failed. Wait ten minutes, then try again."),
    "too-many-links": lazy("A guest has at most %(limit)s links; revoke one first."),
    "link-expiry-past": lazy("This moment is over; choose a later one."),
    "link-expiry-far": lazy("A link works for at most %(limit)s days."),
    "link-uses": lazy("From 1 to %(limit)s times, or nothing for as often as wanted."),
    "seat-right": lazy("You may not do this at a console of this guest."),
    "console-kind": lazy("There is no console of this kind."),
    "ticket-invalid": lazy("This console ticket is not valid, was used before, or has expired."),
    "too-many-consoles": lazy("Too many consoles are open; close one first."),
}
