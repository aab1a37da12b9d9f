"""Rows of the table that the benchmark prints, and the few statistics in them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what", "measured", "goal", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `is_met` is None where there is no goal, or nothing could be measured."""

    what: str
    measured: str
    goal: str = ""
    is_met: bool | None = None

    @property
    def verdict(self) -> str:
        """The last column."""
        return "" if self.is_met is None else "ok" if self.is_met else "MISSED"


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 of 100 do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def spread(values_s: Sequence[float]) -> str:
    """Word seconds as median and 95th percentile in milliseconds."""
    return f"median {ms(statistics.median(values_s))}, p95 {ms(p95(values_s))} ms"


def ms(value_s: float) -> str:
    """Word seconds as milliseconds with about three digits."""
    value = value_s * 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def lines(rows: Sequence[Row]) -> list[str]:
    """Align the rows under their heads."""
    cells = [HEAD, *((row.what, row.measured, row.goal, row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    ruled = [cells[0], tuple("-" * width for width in widths), *cells[1:]]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ruled
    ]
