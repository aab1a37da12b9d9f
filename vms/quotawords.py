"""How amounts and quotas are worded: "8 vCPUs", "7 are", "Your group “Students”"."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from django.utils.functional import Promise
from django.utils.functional import lazy as as_read
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from vms.messages import size

P = ParamSpec("P")
MIB = 1 << 20

RESOURCES: dict[str, str | Promise] = {
    "guests": lazy("Guests"),
    "running": lazy("Running guests"),
    "vcpus": lazy("Virtual CPUs"),
    "memory_mib": lazy("Memory"),
    "disk_bytes": lazy("Disk"),
}


def later(words: Callable[P, str], *args: P.args, **kwargs: P.kwargs) -> str:
    """Word it when it is read, in the language that is spoken then."""
    return as_read(words, str)(*args, **kwargs)


def resource_label(resource: str) -> str:
    """Name a resource."""
    return str(RESOURCES[resource])


def bare(resource: str, value: int) -> str:
    """Write an amount: a number, or a size with its unit."""
    if resource == "memory_mib":
        return size(value * MIB) if value else "0 MiB"
    if resource == "disk_bytes":
        return size(value) if value else "0 GiB"
    return str(value)


def unlimited() -> str:
    """Word a limit that is explicitly none."""
    return _("unlimited")


def amount(resource: str, value: int) -> str:
    """Write an amount with what it is of: "8 vCPUs", "4 GiB of memory"."""
    words = {"value": bare(resource, value)}
    if resource == "guests":
        return ngettext("%(value)s guest", "%(value)s guests", value) % words
    if resource == "running":
        return ngettext("%(value)s running guest", "%(value)s running guests", value) % words
    if resource == "vcpus":
        return ngettext("%(value)s vCPU", "%(value)s vCPUs", value) % words
    if resource == "memory_mib":
        return _("%(value)s of memory") % words
    return _("%(value)s of disk") % words


def in_use(resource: str, value: int) -> str:
    """Write how much is used, with its verb: "7 are", "1 is"."""
    return ngettext("%(value)s is", "%(value)s are", value) % {"value": bare(resource, value)}


def wanted(resource: str, value: int, *, is_more: bool) -> str:
    """Write what is asked for, on top of what there is where `is_more`."""
    text = bare(resource, value)
    return _("%(value)s more") % {"value": text} if is_more else text


def whose_person(scope: str, owner: str) -> str:
    """Name the quota of a person ("" for the reader himself), his own or the site's default."""
    if scope == "site":
        if owner:
            return _("The site's quota for “%(name)s”") % {"name": owner}
        return _("The site's quota for you")
    return _("The quota of “%(name)s”") % {"name": owner} if owner else _("Your quota")


def whose_group(group: str, owner: str) -> str:
    """Name the quota of a group that the reader ("") or somebody else is in."""
    if owner:
        return _("The group “%(group)s” of “%(name)s”") % {"group": group, "name": owner}
    return _("Your group “%(group)s”") % {"group": group}


def left(whose: str, resource: str, limit: int, value: int) -> str:
    """Say what a quota leaves: "Your quota allows 8 vCPUs; 1 left."."""
    words = {"whose": whose, "limit": amount(resource, limit), "left": bare(resource, value)}
    if not value:
        return _("%(whose)s allows %(limit)s; none left.") % words
    return _("%(whose)s allows %(limit)s; %(left)s left.") % words
