"""Versions of templates: each change is kept whole, with who made it and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from vms import selectors
from vms.hypervisor.blueprint import Blueprint, UnreadableBlueprint, from_json
from vms.models import Template, TemplateVersion
from vms.policy import Action, Actor, Person
from vms.problems import Problem

COLUMNS = ("name", "description", "os_name", "icon", "pool_name", "volume_name", "blueprint")
"""The columns of a template that make a version."""


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One line of the history. `changed` names what differs from the version before, dotted."""

    number: int
    at: datetime
    author: str
    image: str
    changed: tuple[str, ...]
    guests: int


def content_of(template: Template) -> dict[str, Any]:  # Any: plain values of JSON
    """Return what would be kept of the template as it stands."""
    return {name: getattr(template, name) for name in COLUMNS}


def record(actor: Actor, template: Template) -> None:
    """Save the template, as a new version unless it is what the latest one was.

    Call inside a transaction.
    """
    content = content_of(template)
    latest = template.versions.first() if template.number else None
    if latest is not None and latest.content == content:
        return
    template.number += 1
    template.save()
    TemplateVersion.objects.create(
        template=template,
        number=template.number,
        author=actor.user if isinstance(actor, Person) else None,
        author_name=actor.name,
        content=content,
    )


@dataclass(frozen=True, slots=True)
class Source:
    """What a version of a template makes guests from. Both names are "" without an image."""

    blueprint: Blueprint
    pool: str
    volume: str


def source_of(template: Template, number: int) -> Source:
    """Return what guests of that version are made from, whatever the template has become since."""
    row = template.versions.filter(number=number).first()
    content = row.content if row else content_of(template)
    try:
        blueprint = from_json(content["blueprint"])
    except UnreadableBlueprint:
        raise Problem("template-unreadable") from None
    return Source(blueprint, str(content["pool_name"]), str(content["volume_name"]))


def history(*, actor: Actor, template_id: selectors.Identifier) -> list[VersionLine]:
    """List the versions, newest first; for those who manage the template or look at all."""
    template = selectors.template(actor, template_id, Action.TEMPLATE_INSPECT)
    rows = list(template.versions.all())
    made = list(template.vms.values_list("template_number", flat=True))
    before = {new.pk: old.content for new, old in pairwise(rows)}
    return [
        VersionLine(
            number=row.number,
            at=row.at,
            author=row.author_name,
            image=str(row.content.get("volume_name", "")),
            changed=_changed(before.get(row.pk), row.content),
            guests=made.count(row.number),
        )
        for row in rows
    ]


def _changed(old: dict[str, Any] | None, new: dict[str, Any]) -> tuple[str, ...]:
    """Name what differs, "blueprint.vcpus" by its last part."""
    if old is None:
        return ()
    return tuple(sorted(_differences(old, new)))


def _differences(old: object, new: object, name: str = "") -> set[str]:
    if old == new:
        return set()
    if isinstance(old, dict) and isinstance(new, dict):
        keys = old.keys() | new.keys()
        return {each for key in keys for each in _differences(old.get(key), new.get(key), key)}
    return {name}
