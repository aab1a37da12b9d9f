"""How a tag looks: one of a few colours, always the same for the same word, and where it leads."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from vms import search

COLOURS = 12
"""Rules .tag-c0 to .tag-c11 of static/src/css/tags.css."""


@dataclass(frozen=True, slots=True)
class TagLook:
    """A tag as a page shows it; `url` lists the guests that have it."""

    name: str
    css: str
    url: str
    query: str


class TagLooks:
    """Looks of the tags of one page: each is made once."""

    def __init__(self) -> None:
        self._guests = reverse("guests")
        self._known: dict[str, TagLook] = {}

    def of(self, tags: Iterable[str]) -> tuple[TagLook, ...]:
        """Give the looks of some tags."""
        return tuple(self._known.get(tag) or self._make(tag) for tag in tags)

    def _make(self, tag: str) -> TagLook:
        query = f"tag:{search.quoted(tag)}"
        url = f"{self._guests}?{urlencode({'q': query})}"
        look = self._known[tag] = TagLook(tag, f"tag-c{colour(tag)}", url, query)
        return look


def colour(tag: str) -> int:
    """Return the number of a tag's colour."""
    return zlib.crc32(tag.casefold().encode(errors="replace")) % COLOURS
