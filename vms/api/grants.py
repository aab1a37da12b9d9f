"""Who may use a template, and what may be changed in guests made from it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from vms import selectors
from vms.api.auth import actor_of
from vms.api.once import MATCH, require_match, tag_of
from vms.api.schemas.grants import AccessChange, AccessInfo, LimitsInfo, SpanInfo
from vms.models.grant import CLOUD_FIELDS
from vms.policy import Actor
from vms.services import template_access
from vms.services.template_access import Access, Limits, Span

router = Router(tags=["templates"])


def _span(span: Span) -> SpanInfo:
    return SpanInfo(least=span.least, most=span.most)


def _limits(limits: Limits) -> LimitsInfo:
    return LimitsInfo(
        vcpus=_span(limits.vcpus),
        memory_mib=_span(limits.memory_mib),
        disk_bytes=_span(limits.disk_bytes),
        networks=list(limits.networks),
        cloud_fields=list(limits.cloud_fields),
    )


def _show(access: Access) -> AccessInfo:
    return AccessInfo(
        is_for_all=access.is_for_all,
        group_ids=sorted(access.group_ids, key=str),
        limits=_limits(access.limits),
    )


@router.get(
    "/{template_id}/limits",
    response=LimitsInfo,
    operation_id="get_template_limits",
    summary="What may be changed in a new guest",
)
def get_template_limits(request: HttpRequest, template_id: UUID) -> LimitsInfo:
    """Show the ranges, networks and cloud-init fields to choose from."""
    return _limits(template_access.limits_of(selectors.template(actor_of(request), template_id)))


@router.get(
    "/{template_id}/access",
    response=AccessInfo,
    operation_id="get_template_access",
    summary="Who may use a template",
)
def get_template_access(
    request: HttpRequest, template_id: UUID, response: HttpResponse
) -> AccessInfo:
    """Show to whom a template is granted. For those who manage it, and auditors."""
    return _tagged(actor_of(request), template_id, response)


def _now(actor: Actor, template_id: UUID) -> AccessInfo:
    return _show(template_access.access(actor=actor, template_id=template_id))


def _tagged(actor: Actor, template_id: UUID, response: HttpResponse) -> AccessInfo:
    shown = _now(actor, template_id)
    response["ETag"] = tag_of(shown)
    return shown


@router.put(
    "/{template_id}/access",
    response=AccessInfo,
    operation_id="set_template_access",
    summary="Grant a template",
    openapi_extra=MATCH,
)
def set_template_access(
    request: HttpRequest, template_id: UUID, data: AccessChange, response: HttpResponse
) -> AccessInfo:
    """Say who may use a template and within which limits; authors grant to their own groups."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_now(actor, template_id)))
    template_access.set_access(actor=actor, template_id=template_id, wanted=_wanted(data))
    return _tagged(actor, template_id, response)


def _wanted(data: AccessChange) -> Access:
    said = data.limits
    return Access(
        is_for_all=data.is_for_all,
        group_ids=frozenset(data.group_ids),
        limits=Limits(
            vcpus=Span(said.vcpus.least, said.vcpus.most),
            memory_mib=Span(said.memory_mib.least, said.memory_mib.most),
            disk_bytes=Span(said.disk_bytes.least, said.disk_bytes.most),
            networks=tuple(said.networks),
            cloud_fields=CLOUD_FIELDS if said.cloud_fields is None else tuple(said.cloud_fields),
        ),
    )
