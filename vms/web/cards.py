"""Templates as cards: whether each can be used, and how many guests came from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from vms.hypervisor.blueprint import SourceKind
from vms.models import VM, Template
from vms.policy import Action, Person, can
from vms.services import templates
from vms.services.templates import TemplateStatus
from vms.web import hardwarelines
from vms.web.rows import os_icon

SOURCE_NAMES: dict[SourceKind, str | Promise] = {
    SourceKind.IMAGE: lazy("Image"),
    SourceKind.ISO: lazy("Installer"),
    SourceKind.NETWORK: lazy("Network boot"),
}


@dataclass(frozen=True, slots=True)
class TemplateCard:
    """A template with what its card says."""

    template: Template
    status: TemplateStatus
    icon: str
    disk_bytes: int
    guests: int
    can_manage: bool
    can_inspect: bool
    source: str
    hardware: list[tuple[str, str]]


def template_cards(
    templates_seen: Iterable[Template], guests: Iterable[VM] = (), actor: Person | None = None
) -> list[TemplateCard]:
    """Make the cards; a constant number of queries however many there are.

    Without an actor nobody is offered to change a template.
    """
    rows = list(templates_seen)
    statuses = templates.statuses(rows)
    used = Counter(guest.template_id for guest in guests)
    return [_card(row, statuses[row.pk], used[row.pk], actor) for row in rows]


def _card(
    template: Template, status: TemplateStatus, guests: int, actor: Person | None
) -> TemplateCard:
    can_manage = actor is not None and can(actor, Action.TEMPLATE_MANAGE, template)
    smallest = status.image.capacity_bytes if status.image else 0
    return TemplateCard(
        template=template,
        status=status,
        icon=os_icon(f"{template.os_name} {template.name}"),
        disk_bytes=max(template.disk_bytes, smallest),
        guests=guests,
        can_manage=can_manage,
        can_inspect=can_manage
        or (actor is not None and can(actor, Action.TEMPLATE_INSPECT, template)),
        source=str(SOURCE_NAMES[template.plan.source]),
        hardware=hardwarelines.lines(template.plan),
    )
