"""Notices as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from vms.policy import Person
from vms.services import notices

ICONS = {
    notices.JOB_FAILED: "alert-triangle",
    notices.LEASE_ENDS: "hourglass",
    notices.SHARED: "users",
    notices.QUOTA: "database",
    notices.REGISTERED: "user-plus",
}


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """A notice in the menu of the bell; `url` is the page of its guest, or ""."""

    id: str
    kind: str
    icon: str
    text: str
    url: str
    at: datetime
    is_read: bool


def notice_lines(actor: Person) -> list[NoticeLine]:
    """Word the newest notices of somebody."""
    return [_line(each) for each in notices.latest(actor=actor)]


def _line(line: notices.Line) -> NoticeLine:
    url = reverse("guest", args=[line.vm_id]) if line.vm_id else ""
    return NoticeLine(line.id, line.kind, ICONS[line.kind], line.text, url, line.at, line.is_read)
