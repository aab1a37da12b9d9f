"""What the charts of a guest or a host show: four pictures of lines, spans, where the data is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from vms.models import VM, Host
from vms.problems import NotFound
from vms.services.series import Span

UNSAFE_IN_FILES = re.compile(r"[^\w.+ -]")
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `column` is its name in the data, `paint` its colour in the style sheet."""

    column: str
    label: str
    paint: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture; `unit` is percent, mib or rate."""

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class SpanChoice:
    """One button of the switch."""

    name: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Charts:
    """All charts of one thing. `subject` is its id in live messages, `kind` guest or host."""

    kind: str
    subject: str
    url: str
    span: Span
    charts: tuple[Chart, ...]
    spans: tuple[SpanChoice, ...]
    time_zone: str


def guest_charts(guest: VM, span: Span) -> Charts:
    """Describe the charts of a guest."""
    titles = (_("CPU"), _("Memory"), _("Disk I/O"), _("Network I/O"))
    return _charts("guest", str(guest.pk), reverse("guest-series", args=[guest.pk]), span, titles)


def host_charts(host: Host, span: Span) -> Charts:
    """Describe the charts of a host; its disk and network are those of its guests."""
    titles = (
        _("CPU"),
        _("Memory"),
        _("Disk I/O of all guests"),
        _("Network I/O of all guests"),
    )
    return _charts("host", str(host.pk), reverse("host-series", args=[host.pk]), span, titles)


def _charts(kind: str, subject: str, url: str, span: Span, titles: tuple[str, ...]) -> Charts:
    spans = tuple(SpanChoice(each.value, label, each is span) for each, label in _labels().items())
    return Charts(kind, subject, url, span, _pictures(*titles), spans, settings.TIME_ZONE)


def _pictures(cpu: str, memory: str, disk: str, net: str) -> tuple[Chart, ...]:
    return (
        Chart("cpu", cpu, "percent", (Line("cpu_percent", _("used"), "cpu"),)),
        Chart(
            "mem",
            memory,
            "mib",
            (
                Line("memory_used_mib", _("used"), "mem"),
                Line("memory_total_mib", _("total"), "total"),
            ),
        ),
        Chart(
            "disk",
            disk,
            "rate",
            (
                Line("disk_read_bps", _("read"), "disk"),
                Line("disk_write_bps", _("written"), "disk-2"),
            ),
        ),
        Chart(
            "net",
            net,
            "rate",
            (Line("net_rx_bps", _("received"), "net"), Line("net_tx_bps", _("sent"), "net-2")),
        ),
    )


def _labels() -> dict[Span, str]:
    return {
        Span.HOUR: _("Hour"),
        Span.DAY: _("Day"),
        Span.WEEK: _("Week"),
        Span.MONTH: _("Month"),
        Span.YEAR: _("Year"),
    }


def wanted_span(request: HttpRequest) -> Span:
    """Read the span from the address; an hour where it names none. Raises NotFound."""
    try:
        return Span(request.GET.get("span", Span.HOUR.value))
    except ValueError:
        raise NotFound("span") from None


def file_name(kind: str, name: str, span: Span) -> str:
    """Make the name of a CSV file: nothing in it means anything to a file system or a header."""
    safe = UNSAFE_IN_FILES.sub("-", name)[:LONGEST_NAME].strip(" .")
    return f"{kind}-{safe or 'unnamed'}-{span.value}.csv"
