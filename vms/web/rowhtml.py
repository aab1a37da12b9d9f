"""The HTML of guests in list and gallery, of which what stays the same is not rendered again.

It follows from the GuestRow, the view and the language alone: where those are equal, for the next
request or the next person, so is the HTML. Gauges move while the rest stays, and are kept apart.
"""

from __future__ import annotations

import functools

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from vms.web.numbers import Gauge
from vms.web.rows import GuestRow

FRAMES = 2048
"""Rows that are remembered, each of about 4 kB."""
GAUGES = 4096
_NUMBERS = "\0numbers\0"
"""Where the gauges come in; no name holds this sign."""
TEMPLATES = {
    "list": ("guests/_row.html", "guests/_gauge.html"),
    "gallery": ("guests/_card.html", "guests/_card_gauge.html"),
}


def row_html(row: GuestRow, view: str) -> SafeString:
    """Render one guest for the list or the gallery."""
    language = get_language()
    pieces = _frame(row, view, language)
    if len(pieces) == 1:  # a job stands in place of the gauges
        return pieces[0]
    gauges = "".join(_gauge(gauge, row.is_active, view, language) for gauge in row.gauges)
    return mark_safe(gauges.join(pieces))  # noqa: S308  # of templates, all of it


@functools.lru_cache(FRAMES)
def _frame(row: GuestRow, view: str, _language: str | None) -> tuple[SafeString, ...]:
    """Render a row, cut where its gauges come in; rows differ here by all but their gauges."""
    html = render_to_string(TEMPLATES[view][0], {"row": row, "numbers": mark_safe(_NUMBERS)})  # noqa: S308
    return tuple(mark_safe(piece) for piece in html.split(_NUMBERS))  # noqa: S308


@functools.lru_cache(GAUGES)
def _gauge(gauge: Gauge, is_active: bool, view: str, _language: str | None) -> SafeString:
    context = {"gauge": gauge, "is_active": is_active}
    return render_to_string(TEMPLATES[view][1], context)
