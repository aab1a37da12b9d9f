"""Sentences and words of what limits people: quotas, leases, and what templates let them change.

A part of the table in vms/messages.py, which is where all of them are looked up.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

ACTIONS: dict[str, str | Promise] = {
    "quota.set": lazy("Change quota"),
    "template.grant": lazy("Change who may use a template"),
    "vm.lease": lazy("Move the end"),
    "lease.warn": lazy("Warn of the end"),
    "lease.set-rule": lazy("Change lease rule"),
}
SENTENCES: dict[str, str | Promise] = {
    # of requests sent twice
    "idempotency-key": lazy("A key is one line of 1 to 200 visible ASCII characters."),
    "idempotency-other": lazy("This key was used for another request; use a new one."),
    "idempotency-under-way": lazy("The first request with this key is still under way."),
    # of what templates allow
    "template-range": lazy("This template allows %(range)s."),
    "template-network": lazy("This template does not offer that network."),
    "template-field": lazy("This template decides that itself."),
    "range-order": lazy("The upper end lies under the lower one."),
    "grant-unknown-group": lazy("There is no such group, or you are not in it."),
    "grant-to-all": lazy("Only administrators offer a template to everyone."),
    "grant-unknown-field": lazy("There is no such field of cloud-init."),
    # of leases
    "lease-over": lazy("Its lease ended on %(date)s; move the end first."),
    "lease-past": lazy("This is over already; choose a later day."),
    "lease-too-far": lazy("At most until %(date)s."),
    "lease-needed": lazy("This guest has to end some day, at the latest on %(date)s."),
    "lease-days": lazy("A whole number of days, %(limit)s at most, or nothing."),
    # of quotas
    "quota-guests": lazy("%(whose)s allows %(limit)s; %(used)s there already. Delete one first."),
    "quota-running": lazy(
        "%(whose)s allows %(limit)s; %(used)s running already. Shut one down first."
    ),
    "quota-vcpus": lazy(
        "%(whose)s allows %(limit)s; %(used)s in use and this guest wants %(wanted)s."
    ),
    "quota-memory-mib": lazy(
        "%(whose)s allows %(limit)s; %(used)s in use and this guest wants %(wanted)s."
    ),
    "quota-disk-bytes": lazy(
        "%(whose)s allows %(limit)s; %(used)s in use and this guest wants %(wanted)s."
    ),
    "quota-value": lazy("A whole number of 0 or more, “unlimited”, or nothing."),
}


def span(least: str | None, most: str | None) -> str:
    """Write a range: "1 to 4", "at least 1", "at most 4", "any"."""
    if least is not None and most is not None:
        words = {"least": least, "most": most}
        return least if least == most else _("%(least)s to %(most)s") % words
    if least is not None:
        return _("at least %(least)s") % {"least": least}
    return _("at most %(most)s") % {"most": most} if most is not None else _("any")


def day(at: datetime | None) -> str:
    """Write the day of a moment in the time zone of the pages."""
    return f"{timezone.localtime(at):%Y-%m-%d}" if at else ""
