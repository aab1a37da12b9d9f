"""The osinfo database (package osinfo-db): which system an ISO installs, and what that wants.

Read once by ourselves, with a few newer systems of our own that the distribution's copy lacks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from lxml import etree

from vms.imaging.iso import IsoFacts

log = structlog.get_logger(__name__)

DATABASE = Path("/usr/share/osinfo/os")
OURS = Path(__file__).with_name("osinfo-more.xml")
MOST_FILES = 5000
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MATCHED = {
    "volume-id": "volume_id",
    "system-id": "system_id",
    "publisher-id": "publisher_id",
    "application-id": "application_id",
}


@dataclass(frozen=True, slots=True)
class Medium:
    """What an ISO of a system looks like: regular expressions by field of IsoFacts."""

    arch: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    is_live: bool

    def matches(self, facts: IsoFacts) -> bool:
        """Say whether an ISO is one of these."""
        found = (pattern.search(getattr(facts, name)) for name, pattern in self.patterns)
        return bool(self.patterns) and all(found)


@dataclass(frozen=True, slots=True)
class Os:
    """One operating system; sizes are 0 where nothing is said."""

    id: str
    name: str
    family: str
    version: str
    parents: tuple[str, ...]
    media: tuple[Medium, ...] = field(repr=False)
    devices: frozenset[str] = field(repr=False)
    memory_bytes: int
    disk_bytes: int
    cpus: int
    uri: str


@dataclass(frozen=True, slots=True)
class Found:
    """The system of an ISO and the machine that the ISO is for."""

    os: Os
    arch: str


def identify(facts: IsoFacts) -> Found | None:
    """Find the system that an ISO installs; the one with most to say about it wins."""
    best: tuple[int, Found] | None = None
    for os in database().values():
        for medium in os.media:
            weight = sum(len(pattern.pattern) for _name, pattern in medium.patterns)
            if (best is None or weight > best[0]) and medium.matches(facts):
                best = (weight, Found(os, medium.arch))
    return best[1] if best else None


def by_id(short_id: str) -> Os | None:
    """Return a system by its short id, e.g. "debian12"."""
    return next((os for os in database().values() if os.id == short_id), None)


def inherited(os: Os) -> Iterator[Os]:
    """Give a system and then those that it derives from, nearest first."""
    seen: set[str] = set()
    waiting = [os.uri]
    while waiting:
        uri = waiting.pop(0)
        known = database().get(uri)
        if uri in seen or known is None:
            continue
        seen.add(uri)
        yield known
        waiting.extend(known.parents)


@functools.cache
def database() -> dict[str, Os]:
    """Read every system, by URI. One file that cannot be read is left out; so is the package."""
    files = sorted(DATABASE.rglob("*.xml"))[:MOST_FILES] if DATABASE.is_dir() else []
    parts: dict[str, list[etree._Element]] = {}
    for path in [OURS, *files]:
        try:
            root = etree.parse(path, _PARSER).getroot()
        except (OSError, etree.XMLSyntaxError) as error:
            log.warning("osinfo-file-not-read", path=str(path), why=str(error))
            continue
        for element in root.iter("os"):
            parts.setdefault(element.get("id", ""), []).append(element)
    return {uri: _os(uri, elements) for uri, elements in parts.items()}


def _os(uri: str, elements: list[etree._Element]) -> Os:
    """Make one system of the files that speak of it."""
    links = [link for each in elements for link in each.findall("derives-from")]
    links += [link for each in elements for link in each.findall("clones")]
    devices = {
        device.get("id", "") for each in elements for device in each.findall("devices/device")
    }
    return Os(
        id=_text(elements, "short-id"),
        name=_text(elements, "name"),
        family=_text(elements, "family"),
        version=_text(elements, "version"),
        parents=tuple(link.get("id", "") for link in links),
        media=tuple(m for each in elements for m in _media(each)),
        devices=frozenset(device for device in devices if device),
        memory_bytes=_most(elements, "ram"),
        disk_bytes=_most(elements, "storage"),
        cpus=_most(elements, "n-cpus"),
        uri=uri,
    )


def _text(elements: list[etree._Element], name: str) -> str:
    for each in elements:
        for child in each.findall(name):
            if child.get(_LANG) is None and child.text:
                return child.text.strip()
    return ""


def _most(elements: list[etree._Element], name: str) -> int:
    """Return what is recommended, else the least that is needed."""
    for kind in ("recommended", "minimum"):
        texts = [
            value.text or ""
            for each in elements
            for value in each.findall(f"resources/{kind}/{name}")
        ]
        numbers = [int(text) for text in texts if text.strip().isdigit()]
        if numbers:
            return max(numbers)
    return 0


def _media(element: etree._Element) -> Iterator[Medium]:
    for medium in element.findall("media"):
        patterns = []
        for tag, name in _MATCHED.items():
            text = medium.findtext(f"iso/{tag}")
            if text:
                try:
                    patterns.append((name, re.compile(text)))
                except re.error:
                    break
        else:
            is_live = medium.get("live", "false") == "true"
            yield Medium(medium.get("arch", ""), tuple(patterns), is_live)
