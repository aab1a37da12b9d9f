"""Icons, form fields and sizes for templates; no queries, no decisions."""

from __future__ import annotations

import functools
from typing import Any

from django import template
from django.forms import (
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    Select,
    SelectMultiple,
    Textarea,
)
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils.html import format_html
from django.utils.safestring import SafeString

from vms import messages
from vms.hypervisor.errors import HypervisorError
from vms.models import VM
from vms.problems import Problem
from vms.web.rowhtml import row_html
from vms.web.taglooks import TagLooks

register = template.Library()
register.simple_tag(row_html, name="guest_row")
MONO = frozenset({"ssh_keys", "user_data"})
"""Fields of several lines where every sign counts."""


@functools.lru_cache(maxsize=256)
def _icon(name: str, css: str, prefix: str) -> SafeString:
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false">'
        '<use href="{}#tabler-{}"></use></svg>',
        css,
        static("icons.svg"),
        name,
    )


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Show a Tabler icon of static/src/icons.txt; it is hidden from screen readers."""
    return _icon(name, css, get_script_prefix())


@register.filter
def size(value: int | None) -> str:
    """Write bytes as "1.5 GiB"."""
    return messages.size(value) if value is not None else "–"


@register.filter
def mib(value: int | None) -> str:
    """Write MiB as "512 MiB" or "1.5 GiB"."""
    return messages.size(value * 1024 * 1024) if value is not None else "–"


@register.filter
def percent_of(value: int, total: int) -> int:
    """Say how many percent `value` is of `total`, from 0 to 100."""
    return max(0, min(100, round(100 * value / total))) if total else 0


@register.filter
def sentence(error: Problem | HypervisorError) -> str:
    """Make the sentence of a refusal or a host's error."""
    return messages.sentence(error)


@register.filter
def basename(path: str) -> str:
    """Give the last part of a path."""
    return path.rsplit("/", 1)[-1]


@register.inclusion_tag("forms/_field.html")
def field(bound: BoundField, unit: str = "", hint: str = "") -> dict[str, Any]:  # Any: a context
    """Show a form field with its label, hint and errors, tied together for screen readers."""
    describers = [f"{bound.auto_id}-hint"] if hint or bound.help_text else []
    if bound.errors:
        describers.append(f"{bound.auto_id}-errors")
    attrs: dict[str, str | bool] = {"class": _css(bound)}
    if describers:
        attrs["aria-describedby"] = " ".join(describers)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs),
        "unit": unit,
        "hint": hint or bound.help_text,
        "note": getattr(bound.field, "note", ""),
        "is_check": isinstance(bound.field.widget, CheckboxInput),
        "is_group": isinstance(bound.field.widget, CheckboxSelectMultiple),
    }


def _css(bound: BoundField) -> str:
    widget = bound.field.widget
    wrong = " is-invalid" if bound.errors else ""
    if isinstance(widget, CheckboxInput | CheckboxSelectMultiple):
        return "form-check-input"
    if isinstance(widget, Select) and not isinstance(widget, SelectMultiple):
        return "form-select" + wrong
    mono = " mono" if isinstance(widget, Textarea) and bound.name in MONO else ""
    return "form-control" + wrong + mono


@register.inclusion_tag("forms/_slider.html")
def slider(bound: BoundField, unit: str = "", hint: str = "") -> dict[str, Any]:  # Any: a context
    """Show a number field with a slider beside it, which scripts bring to life."""
    return field(bound, unit, hint)


@register.inclusion_tag("guests/_guest_tags.html")
def guest_tags(guest: VM, can_edit: bool) -> dict[str, Any]:  # Any: a context
    """Show the tags of a guest, each leading to all guests that have it, and the way to change
    them for those who may.
    """
    return {"guest": guest, "tags": TagLooks().of(guest.tags), "can_edit": can_edit}


VERB_ICONS = {
    "start": "player-play",
    "shutdown": "power",
    "reboot": "refresh",
    "reset": "rotate-clockwise",
    "power-off": "plug-connected-x",
    "pause": "player-pause",
    "resume": "player-track-next",
}


@register.simple_tag
def verb_icon(verb: str) -> SafeString:
    """Show the icon of a power verb."""
    return icon(VERB_ICONS.get(str(verb), "power"))
