"""Quotas as bars: how much of each limit is used, in words and in percent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from vms import quotawords
from vms.services import quotas
from vms.services.quotas import Limits, Source, Unlimited
from vms.services.usage import Amounts, Resource


@dataclass(frozen=True, slots=True)
class UseLine:
    """One resource: "7 of 8"; `percent` None where nothing limits it; `note` says whose limit."""

    label: str
    text: str
    percent: int | None
    is_over: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class UsePanel:
    """One quota that binds somebody, with its bars."""

    title: str
    lines: tuple[UseLine, ...]


def use_lines(limits: Limits, used: Amounts, site: Limits | None = None) -> tuple[UseLine, ...]:
    """Make a line of each resource; where nothing is said, by the site's default."""
    lines = []
    for one in Resource:
        limit, note = limits.of(one), ""
        if limit is None and site is not None and site.of(one) is not None:
            limit, note = site.of(one), _("site")
        amount = used.of(one)
        text = quotawords.bare(one.value, amount)
        if isinstance(limit, int):
            words = {"used": text, "limit": quotawords.bare(one.value, limit)}
            percent = min(100, round(100 * amount / limit)) if limit else 100
            text, is_over = _("%(used)s of %(limit)s") % words, amount > limit
            label = quotawords.resource_label(one.value)
            lines.append(UseLine(label, text, percent, is_over, note))
            continue
        if isinstance(limit, Unlimited):
            text = _("%(used)s, unlimited") % {"used": text}
        lines.append(UseLine(quotawords.resource_label(one.value), text, None, note=note))
    return tuple(lines)


def panels(sources: Iterable[Source]) -> tuple[UsePanel, ...]:
    """Make a panel of each quota, with a bar for each of its limits that is a number."""
    return tuple(
        UsePanel(source.whose, lines)
        for source in sources
        if (
            lines := tuple(
                line for line in use_lines(source.limits, source.used) if line.percent is not None
            )
        )
    )


def limit_words(limits: Limits) -> tuple[tuple[str, str], ...]:
    """Word each limit that is said: ("Virtual CPUs", "8")."""
    return tuple(
        (quotawords.resource_label(one.value), word)
        for one in Resource
        if (word := quotas.word(one, limits.of(one)))
    )
