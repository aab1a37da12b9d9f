"""Templates for some: who may use one, and what they may change when they make a guest from it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from django.db import transaction

from vms import circles, limitwords, messages, selectors
from vms.live import publish
from vms.models import Group, Network, Role, Template, TemplateGrant, TemplateLimits
from vms.models.grant import CLOUD_FIELDS
from vms.policy import Action, Actor, Person
from vms.problems import Invalid, Problem
from vms.services import audit


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where something may go; None leaves an end to the host."""

    least: int | None = None
    most: int | None = None

    def holds(self, value: int) -> bool:
        """Say whether a value lies in it."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be changed at creation. `networks` empty: the template's own alone."""

    vcpus: Span = Span()
    memory_mib: Span = Span()
    disk_bytes: Span = Span()
    networks: tuple[str, ...] = ()
    cloud_fields: tuple[str, ...] = CLOUD_FIELDS


@dataclass(frozen=True, slots=True)
class Access:
    """To whom a template is granted, and within which limits."""

    is_for_all: bool
    group_ids: frozenset[uuid.UUID]
    limits: Limits


def limits_of(template: Template) -> Limits:
    """Read the limits of a template; none where nothing was said."""
    row = TemplateLimits.objects.filter(template=template).first()
    if row is None:
        return Limits()
    return Limits(
        vcpus=Span(row.min_vcpus, row.max_vcpus),
        memory_mib=Span(row.min_memory_mib, row.max_memory_mib),
        disk_bytes=Span(row.min_disk_bytes, row.max_disk_bytes),
        networks=tuple(row.networks),
        cloud_fields=tuple(row.cloud_fields),
    )


def access(*, actor: Actor, template_id: selectors.Identifier) -> Access:
    """Read who may use a template; for those who manage it or look at all.

    Raises NotFound, Forbidden.
    """
    template = selectors.template(actor, template_id, Action.TEMPLATE_INSPECT)
    rows = list(TemplateGrant.objects.filter(template=template))
    return Access(
        is_for_all=any(row.is_for_all for row in rows),
        group_ids=frozenset(row.group_id for row in rows if row.group_id),
        limits=limits_of(template),
    )


def begin(actor: Actor, template: Template) -> None:
    """Grant a new template: an administrator's to everyone, an author's to his groups."""
    if isinstance(actor, Person) and not can_grant_to_all(actor):
        groups = Group.objects.filter(memberships__user=actor.user)
        TemplateGrant.objects.bulk_create(
            [TemplateGrant(template=template, group=group) for group in groups]
        )
        return
    TemplateGrant.objects.create(template=template, is_for_all=True)


def set_access(*, actor: Actor, template_id: selectors.Identifier, wanted: Access) -> Template:
    """Grant a template, and set its limits; guests made from it stay as they are.

    Raises NotFound, Forbidden, Invalid: an author grants to his own groups alone. What an
    administrator granted to groups that he does not see stays.
    """
    template = selectors.template(actor, template_id, Action.TEMPLATE_MANAGE)
    now = access(actor=actor, template_id=template_id)
    if errors := _errors(actor, template, now, wanted):
        raise Invalid(errors)
    wanted = replace(wanted, group_ids=wanted.group_ids | (now.group_ids - _known_groups(actor)))
    target = audit.Target("template", str(template.pk), template.name)
    trail = audit.Trail(actor, "template.grant", target, detail=_detail(wanted))
    with transaction.atomic(), audit.audited(trail):
        TemplateGrant.objects.filter(template=template).delete()
        rows = [TemplateGrant(template=template, group_id=pk) for pk in wanted.group_ids]
        if wanted.is_for_all:
            rows.append(TemplateGrant(template=template, is_for_all=True))
        TemplateGrant.objects.bulk_create(rows)
        TemplateLimits.objects.update_or_create(template=template, defaults=_columns(wanted.limits))
        transaction.on_commit(lambda: publish.things_changed("templates"))
    return template


def can_grant_to_all(actor: Actor) -> bool:
    """Say whether somebody may make a template everybody's: authors may not."""
    return not (isinstance(actor, Person) and actor.user.role == Role.AUTHOR)


def _known_groups(actor: Actor) -> frozenset[uuid.UUID]:
    return frozenset(circles.groups(actor).values_list("pk", flat=True))


def _errors(actor: Actor, template: Template, now: Access, wanted: Access) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if not wanted.group_ids <= _known_groups(actor) | now.group_ids:
        errors["groups"] = Problem("grant-unknown-group")
    if wanted.is_for_all and not now.is_for_all and not can_grant_to_all(actor):
        errors["is_for_all"] = Problem("grant-to-all")
    for name in ("vcpus", "memory_mib", "disk_bytes"):
        span: Span = getattr(wanted.limits, name)
        if any(end is not None and end < 0 for end in (span.least, span.most)):
            errors[f"min_{name}"] = Problem("too-small", limit=0)
        if span.least is not None and span.most is not None and span.least > span.most:
            errors[f"max_{name}"] = Problem("range-order")
    known = set(Network.objects.filter(host=template.host).values_list("name", flat=True))
    for network in wanted.limits.networks:
        if network not in known:
            errors["networks"] = Problem("unknown-network", name=network)
    if set(wanted.limits.cloud_fields) - set(CLOUD_FIELDS):
        errors["cloud_fields"] = Problem("grant-unknown-field")
    return errors


def _columns(limits: Limits) -> dict[str, object]:
    ends: dict[str, object] = {}
    for name in ("vcpus", "memory_mib", "disk_bytes"):
        span: Span = getattr(limits, name)
        ends |= {f"min_{name}": span.least, f"max_{name}": span.most}
    return {
        **ends,
        "networks": list(limits.networks),
        "cloud_fields": [name for name in CLOUD_FIELDS if name in limits.cloud_fields],
    }


def _detail(wanted: Access) -> dict[str, str | int | list[str]]:
    if wanted.is_for_all:
        return {"granted to": "everyone"}
    names = Group.objects.filter(pk__in=wanted.group_ids).values_list("name", flat=True)
    return {"granted to": sorted(names)}


def problems(
    limits: Limits, *, sizes: Mapping[str, int], network: str | None, told: Collection[str]
) -> dict[str, Problem]:
    """Say where a request for a guest leaves what its template allows, by field.

    `sizes` are vcpus, memory_mib and disk_bytes in all; `told` the cloud-init fields that differ
    from the template's own values.
    """
    errors = {
        name: Problem("template-range", range=range_words(name, span))
        for name, value in sizes.items()
        if not (span := getattr(limits, name)).holds(value)
    }
    if network is not None and network not in limits.networks:
        errors["network_name"] = Problem("template-network")
    for name in told:
        if name in CLOUD_FIELDS and name not in limits.cloud_fields:
            errors[name] = Problem("template-field")
    return errors


def range_words(name: str, span: Span) -> str:
    """Word a range: "1 to 4", "at most 2 GiB"."""
    least, most = (None if end is None else _amount(name, end) for end in (span.least, span.most))
    return limitwords.span(least, most)


def _amount(name: str, value: int) -> str:
    if name == "memory_mib":
        return messages.size(value << 20)
    return messages.size(value) if name == "disk_bytes" else str(value)
