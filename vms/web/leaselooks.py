"""Leases in words: until when a guest lives, and whether its end is near."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from vms import limitwords
from vms.models import VM, Lease
from vms.services.leases import WARNINGS

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class LeaseLook:
    """A lease as pages show it; `short` is "" while the end is far."""

    text: str
    short: str
    is_over: bool
    expires_at: datetime
    deleted_at: datetime


def lease_look(guest: VM) -> LeaseLook | None:
    """Word the lease of a guest that was fetched with it; None where there is none."""
    lease: Lease | None = getattr(guest, "lease", None)
    if lease is None:
        return None
    left_s = (lease.expires_at - timezone.now()).total_seconds()
    is_over, days = left_s <= 0, int(left_s // DAY_S)
    words = {"end": limitwords.day(lease.expires_at), "gone": limitwords.day(lease.deleted_at)}
    if is_over:
        text = _("It ended on %(end)s and is deleted after %(gone)s.") % words
        short = _("ended, deleted after %(gone)s") % words
    else:
        text = _("It is shut down on %(end)s and deleted after %(gone)s.") % words
        short = _short(days) if left_s <= max(WARNINGS) * DAY_S else ""
    return LeaseLook(text, short, is_over, lease.expires_at, lease.deleted_at)


def _short(days: int) -> str:
    if days == 0:
        return _("ends within a day")
    return ngettext("ends in %(days)s day", "ends in %(days)s days", days) % {"days": days}
