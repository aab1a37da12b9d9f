"""The catalogue of official cloud images: a data file, ours or one of the operator's."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vms.imaging import addresses, formats
from vms.problems import Problem

OURS = Path(__file__).with_name("catalogue.yaml")
MAX_BYTES = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Entry:
    """One image for one architecture, with sensible defaults for guests made from it."""

    id: str
    name: str
    arch: str
    url: str
    checksum_url: str
    os_id: str
    user: str
    memory_mib: int
    disk_bytes: int
    note: str

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return addresses.parse(self.url).path.rpartition("/")[2]


class CatalogueError(Exception):
    """The file is not a catalogue; the words say where."""


def load(path: Path | None = None) -> tuple[Entry, ...]:
    """Read a catalogue, ours by default. Raises CatalogueError."""
    path = path or OURS
    try:
        return _load(path, path.stat().st_mtime)
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}") from error


@functools.lru_cache(maxsize=2)
def _load(path: Path, _changed_at: float) -> tuple[Entry, ...]:
    if path.stat().st_size > MAX_BYTES:
        raise CatalogueError(f"{path}: more than {MAX_BYTES} bytes")
    try:
        rows = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    if not isinstance(rows, list):
        raise CatalogueError(f"{path}: no list")
    entries = [entry for row in rows for entry in _entries(path, row)]
    if len({entry.id for entry in entries}) < len(entries):
        raise CatalogueError(f"{path}: an id stands there twice")
    return tuple(entries)


def _entries(path: Path, row: Any) -> list[Entry]:  # Any: whatever stands in the file
    try:
        return [_entry(row, str(arch), each) for arch, each in row["images"].items()]
    except (KeyError, TypeError, ValueError, AttributeError, Problem) as error:
        what = row.get("id", row) if isinstance(row, dict) else row
        raise CatalogueError(f"{path}: {what}: {error!r}") from error


def _entry(row: Mapping[str, Any], arch: str, image: Mapping[str, Any]) -> Entry:
    entry = Entry(
        id=f"{row['id']}-{arch}",
        name=str(row["name"]),
        arch=arch,
        url=str(image["url"]),
        checksum_url=str(image["checksum_url"]),
        os_id=str(row.get("os", "")),
        user=str(row.get("user", "")),
        memory_mib=int(row.get("memory_mib", 1024)),
        disk_bytes=int(row.get("disk_gib", 0)) * GIB,
        note=str(row.get("note", "")),
    )
    addresses.parse(entry.checksum_url)
    formats.declared(entry.filename)
    return entry
