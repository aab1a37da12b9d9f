"""History for the doors: what a guest or a host used over an hour, a day ... a year.

At most 730 points whatever is kept, evenly spaced; where nothing was measured stands None.
"""

from __future__ import annotations

import csv
import io
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.db.models import F, QuerySet

from vms import selectors
from vms.models import Average, RolledUp
from vms.models.history import COLUMNS, DAY_S, HOUR_S, MINUTE_S, QUARTER_S
from vms.policy import Actor
from vms.selectors import Identifier
from vms.services.averages import Values, Weighted, sums


class Span(StrEnum):
    """How far back."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


LENGTH_S = {
    Span.HOUR: HOUR_S,
    Span.DAY: DAY_S,
    Span.WEEK: 7 * DAY_S,
    Span.MONTH: 30 * DAY_S,
    Span.YEAR: 365 * DAY_S,
}
STEP_S = {
    Span.HOUR: MINUTE_S,
    Span.DAY: 2 * MINUTE_S,
    Span.WEEK: QUARTER_S,
    Span.MONTH: HOUR_S,
    Span.YEAR: 12 * HOUR_S,
}
RESOLUTIONS_S = (HOUR_S, QUARTER_S, MINUTE_S)


@dataclass(frozen=True, slots=True)
class Series:
    """Columns as long as `at_s`, the begin of each period in seconds since 1970.

    The last period is the one that now is in. The seven columns are named as in `Numbers`.
    """

    span: Span
    step_s: int
    at_s: tuple[int, ...]
    cpu_percent: Values
    memory_used_mib: Values
    memory_total_mib: Values
    disk_read_bps: Values
    disk_write_bps: Values
    net_rx_bps: Values
    net_tx_bps: Values

    @property
    def columns(self) -> dict[str, Values]:
        """The columns by name, in their order."""
        return {name: getattr(self, name) for name in COLUMNS}


def of_guest(*, actor: Actor, vm_id: Identifier, span: Span, now_s: float | None = None) -> Series:
    """Return the history of a guest up to now. Raises NotFound."""
    guest = selectors.vm(actor, vm_id)
    return _series(Average.objects.filter(track__vm=guest), span, now_s)


def of_host(*, actor: Actor, host_id: Identifier, span: Span, now_s: float | None = None) -> Series:
    """Return the history of a host: disk and network of its guests together. Raises NotFound."""
    host = selectors.host(actor, host_id)
    return _series(Average.objects.filter(track__host=host), span, now_s)


def _series(rows: QuerySet[Average], span: Span, now_s: float | None) -> Series:
    step_s = STEP_S[span]
    end_s = (int(time.time() if now_s is None else now_s) // step_s + 1) * step_s
    at_s = range(end_s - LENGTH_S[span], end_s, step_s)
    found = _periods(rows, at_s)
    unknown: Values = (None,) * len(COLUMNS)
    points = [found[at].means if at in found else unknown for at in at_s]
    return Series(span, step_s, tuple(at_s), *zip(*points, strict=True))


def _periods(rows: QuerySet[Average], at_s: range) -> dict[int, Weighted]:
    """Average by period: the longest averages as far as they are made, then the shorter ones."""
    rolled = dict(RolledUp.objects.values_list("resolution_s", "until_s"))
    found: defaultdict[int, Weighted] = defaultdict(Weighted)
    begin_s = at_s.start
    for resolution_s in (each for each in RESOLUTIONS_S if each <= at_s.step):
        until_s = min(rolled.get(resolution_s, 0), at_s.stop)
        end_s = at_s.stop if resolution_s == MINUTE_S else until_s
        if begin_s < end_s:
            for group in _groups(rows, resolution_s, range(begin_s, end_s, at_s.step)):
                found[group["period"]].add(group)
            begin_s = end_s
    return found


def _groups(
    rows: QuerySet[Average], resolution_s: int, during_s: range
) -> Iterable[Mapping[str, Any]]:  # Any: what values() gives
    chosen = rows.filter(
        resolution_s=resolution_s, at_s__gte=during_s.start, at_s__lt=during_s.stop
    )
    period = F("at_s") - F("at_s") % during_s.step
    return chosen.order_by().annotate(period=period).values("period").annotate(**sums())


def as_csv(series: Series) -> str:
    """Write a series as CSV; times are UTC. Nothing that a person typed is in it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["time", *COLUMNS])
    writer.writerows(_lines(series))
    return text.getvalue()


def _lines(series: Series) -> Iterator[list[object]]:
    columns = zip(*series.columns.values(), strict=True)
    for at_s, values in zip(series.at_s, columns, strict=True):
        at = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield [at, *("" if value is None else value for value in values)]
