"""What the Images page shows: images as lines, transfers under way, the catalogue by system."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from django.urls import reverse
from django.utils.translation import gettext as _

from vms import messages, selectors
from vms.imaging.catalogue import Entry
from vms.models import ImageOrigin
from vms.models.job import OPEN_STATES
from vms.policy import Person
from vms.services import fetching, images, importing, incoming
from vms.services.images import Image
from vms.services.uses import Use, UseKind
from vms.web.jobs import JobLine, job_line
from vms.web.rows import os_icon

KINDS = (importing.IMPORT, fetching.FETCH)


@dataclass(frozen=True, slots=True)
class UseLine:
    """Something that uses an image; `url` is "" where there is no page of it."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image."""

    image: Image
    icon: str
    source: str
    system: str
    uses: list[UseLine]
    checksum: str
    state: str
    """ready, making or off."""
    problem: str
    """Why it cannot be deleted; "" when it can."""


@dataclass(frozen=True, slots=True)
class UploadLine:
    """A file on its way in."""

    id: str
    filename: str
    done_bytes: int
    size_bytes: int
    person: str
    is_mine: bool

    @property
    def percent(self) -> int:
        """How much of it is there."""
        return 100 * self.done_bytes // max(1, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Release:
    """One system of the catalogue with an image for each architecture."""

    name: str
    icon: str
    note: str
    entries: list[Entry]


def image_lines(actor: Person) -> list[ImageLine]:
    """Word every image that somebody may see."""
    return [image_line(image) for image in images.listing(actor=actor)]


def image_line(image: Image) -> ImageLine:
    """Word one image."""
    origin = image.origin
    system = origin.os_name if origin else ""
    fallback = "disc" if image.volume.is_iso else "database"
    icon = os_icon(f"{system} {image.volume.name}")
    return ImageLine(
        image=image,
        icon=fallback if icon == "device-desktop" else icon,
        source=_source(origin),
        system=system,
        uses=[_use(use) for use in image.uses],
        checksum=origin.checksum if origin else "",
        state=_state(image),
        problem=messages.sentence(image.problem) if image.problem else "",
    )


def _state(image: Image) -> str:
    if image.is_being_made:
        return "making"
    return "ready" if image.volume.pool.is_active else "off"


def _source(origin: ImageOrigin | None) -> str:
    if origin is None:
        return str(_("found in the pool"))
    who = origin.added_by.username if origin.added_by else ""
    label = str(origin.get_source_display())
    return _("%(how)s by %(who)s") % {"how": label, "who": who} if who else label


def _use(use: Use) -> UseLine:
    if use.kind in images.GUESTS:
        return UseLine(use.name, reverse("guest", args=[use.id]))
    if use.kind is UseKind.TEMPLATE:
        return UseLine(_("template %(name)s") % {"name": use.name}, reverse("templates"))
    return UseLine(_("volume %(name)s") % {"name": use.name}, reverse("pool", args=[use.id]))


def upload_lines(actor: Person) -> list[UploadLine]:
    """Word the uploads that somebody may go on with or remove."""
    return [
        UploadLine(
            id=str(row.pk),
            filename=row.filename,
            done_bytes=min(incoming.size_of(row.pk), row.size_bytes),
            size_bytes=row.size_bytes,
            person=row.user.username,
            is_mine=row.user_id == actor.user.pk,
        )
        for row in selectors.uploads(actor)
    ]


def job_lines(actor: Person) -> list[JobLine]:
    """Word the jobs that bring images in."""
    rows = selectors.jobs(actor).filter(kind__in=KINDS, state__in=OPEN_STATES)
    return [job_line(row, actor) for row in rows]


def releases(entries: Iterable[Entry]) -> list[Release]:
    """Put the architectures of each system side by side."""
    return [
        Release(name, os_icon(name), group[0].note, group)
        for name, each in groupby(entries, key=lambda entry: entry.name)
        if (group := list(each))
    ]
