"""Averages of averages: each counts as much as the seconds that were measured for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import F, Q, Sum

from vms.models.history import COLUMNS

Values = tuple[float | None, ...]
Row = Mapping[str, float | None]
_DIGITS = (2, 0, 0, 0, 0, 0, 0)
"""Whole MiB and bytes per second: SQLite stores them as small integers."""


def sums() -> dict[str, Sum]:
    """Give the annotations from which `Weighted.add` takes a group of rows."""
    found = {"weight": Sum("weight_s")}
    for name in COLUMNS:
        found[f"{name}_sum"] = Sum(F(name) * F("weight_s"))
        found[f"{name}_weight"] = Sum("weight_s", filter=Q(**{f"{name}__isnull": False}))
    return found


@dataclass(slots=True)
class Weighted:
    """What the average over one period is made from."""

    weight: float = 0
    _totals: list[float] = field(default_factory=lambda: [0.0] * len(COLUMNS))
    _weights: list[float] = field(default_factory=lambda: [0.0] * len(COLUMNS))

    def add(self, group: Row) -> None:
        """Add a group of rows, annotated with `sums()`."""
        self.weight += group["weight"] or 0
        for index, name in enumerate(COLUMNS):
            self._totals[index] += group[f"{name}_sum"] or 0
            self._weights[index] += group[f"{name}_weight"] or 0

    def add_values(self, values: Values, weight: float) -> None:
        """Add the numbers of one moment that stands for `weight` seconds."""
        self.weight += weight
        for index, value in enumerate(values):
            if value is not None:
                self._totals[index] += value * weight
                self._weights[index] += weight

    @property
    def means(self) -> Values:
        """The averages in the order of `COLUMNS`, rounded; None where nothing was known."""
        parts = zip(self._totals, self._weights, _DIGITS, strict=True)
        return tuple(
            round(total / weight, digits) if weight else None for total, weight, digits in parts
        )
