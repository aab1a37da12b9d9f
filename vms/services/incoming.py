"""The folder of files on their way in: one file per upload or download, with what is made of it.

Knows names and space, not whose they are. A name is an id of ours with an ending of ours, never
what somebody else called the file.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from vms.imaging import unpack
from vms.models import Job, Upload
from vms.models.job import OPEN_STATES
from vms.problems import Problem, Refused
from vms.services.job_kinds import undoes

GIB = 1 << 30
_OURS = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[a-z0-9]{1,10})?$")
_YOUNG_S = 600.0
"""A file without a row may be one whose row is written in a moment."""


def folder() -> Path:
    """Return the folder; nobody else on this machine gets in."""
    path: Path = settings.KVMWEB.home / "uploads"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def path_of(file_id: uuid.UUID | str, ending: str = "") -> Path:
    """Return where the file of that id lies. Raises ValueError for anything but an id."""
    name = f"{file_id}.{ending}" if ending else str(file_id)
    if not _OURS.match(name):
        raise ValueError(name)
    return folder() / name


def size_of(file_id: uuid.UUID | str) -> int:
    """Return how many bytes are there."""
    try:
        return path_of(file_id).stat().st_size
    except FileNotFoundError:
        return 0


def largest_bytes() -> int:
    """Return the size of the largest image that is taken."""
    return int(settings.KVMWEB.image_max_gib) * GIB


def require_room(size_bytes: int) -> None:
    """Refuse what is too large at all, or too large beside what is on its way already.

    Raises Problem("image-too-large"), Refused("uploads-full").
    """
    limit = largest_bytes()
    if size_bytes > limit:
        raise Problem("upload-too-large", limit=f"{limit // GIB} GiB")
    left, missing = _room()
    if size_bytes > left:
        raise Refused("uploads-full", missing_bytes=size_bytes - left)
    try:
        unpack.require_space(folder(), missing + size_bytes)
    except Problem as problem:
        raise Refused(problem.code, **problem.params) from None


def most_bytes() -> int:
    """Return the size of the largest file that could be fetched now."""
    left, _missing = _room()
    return max(0, min(largest_bytes(), left))


def _room() -> tuple[int, int]:
    """Return how many bytes more may be promised, and how many that were promised are to come."""
    expected = {str(row.pk): row.size_bytes for row in Upload.objects.all()}
    there = {path.name: path.stat().st_size for path in _files()}
    taken = sum(expected.values()) + sum(n for name, n in there.items() if name not in expected)
    missing = sum(max(0, n - there.get(name, 0)) for name, n in expected.items())
    return int(settings.KVMWEB.upload_space_gib) * GIB - taken, missing


@undoes("file")
def remove(name: str) -> None:
    """Remove a file of the folder; fine if it is gone."""
    if _OURS.match(name):
        (folder() / name).unlink(missing_ok=True)


def sweep() -> int:
    """Remove files that belong to no upload and no job under way; return how many."""
    known = {str(pk) for pk in Upload.objects.values_list("pk", flat=True)}
    jobs = Job.objects.filter(state__in=OPEN_STATES).values_list("pk", "target_id")
    known |= {str(each) for row in jobs for each in row}
    old_s = time.time() - _YOUNG_S
    count = 0
    for path in _files():
        if path.name.split(".")[0] not in known and path.stat().st_mtime < old_s:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _files() -> Iterator[Path]:
    for path in folder().iterdir():
        if path.is_file() and _OURS.match(path.name):
            yield path
