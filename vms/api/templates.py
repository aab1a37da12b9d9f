"""Templates: list, make, look at, change, delete."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router, Status

from vms import selectors
from vms.api import represent
from vms.api.auth import actor_of
from vms.api.inputs import Paging
from vms.api.machines import (
    TemplateChange,
    TemplateCreate,
    TemplateFromGuest,
    TemplateParts,
    VersionInfo,
)
from vms.api.once import MATCH, ONCE, once, once_a_job, require_match, tag
from vms.api.paging import page
from vms.api.schemas.jobs import JobInfo
from vms.api.schemas.templates import TemplateInfo, TemplatePage
from vms.hypervisor.blueprint import Blueprint, DiskOrigin, DiskPlan, SourceKind
from vms.models import Template
from vms.policy import Actor
from vms.services import template_copies, templates, versions
from vms.services.template_copies import CopyWish
from vms.services.templates import TemplateDefaults

router = Router(tags=["templates"])
guests = Router(tags=["templates"])


@router.get("", response=TemplatePage, operation_id="list_templates", summary="List templates")
def list_templates(request: HttpRequest, paging: Query[Paging]) -> TemplatePage:
    """List what guests can be made from."""
    rows = selectors.templates(actor_of(request))
    return page(TemplatePage, rows, paging, represent.template_list)


@router.post(
    "",
    response={201: TemplateInfo},
    operation_id="create_template",
    summary="Make a template",
    openapi_extra=ONCE,
)
def create_template(
    request: HttpRequest, data: TemplateCreate, response: HttpResponse
) -> Status[TemplateInfo]:
    """Make a template from an image, an installer or the network."""
    return once(request, response, TemplateInfo, lambda: _create(actor_of(request), data))


def _create(actor: Actor, data: TemplateCreate) -> tuple[int, TemplateInfo, str]:
    usual = Blueprint() if data.source is SourceKind.IMAGE else Blueprint(disks=())
    if data.disk_bytes and data.source is not SourceKind.IMAGE:
        usual = Blueprint(disks=(DiskPlan(DiskOrigin.BLANK),))
    content = _simple(TemplateDefaults(name=data.name), data).content(usual)
    whole = replace(content, blueprint=_with_parts(content.blueprint, data, source=data.source))
    row = templates.make(actor=actor, content=whole, image_id=data.image_id, host_id=data.host_id)
    address = reverse("api:get_template", kwargs={"template_id": row.pk})
    return 201, represent.template(row), address


def _simple(now: TemplateDefaults, data: TemplateCreate | TemplateChange) -> TemplateDefaults:
    names = {one.name for one in fields(TemplateDefaults)}
    return replace(now, **data.model_dump(include=names, exclude_none=True))


def _with_parts(blueprint: Blueprint, data: TemplateParts, **more: Any) -> Blueprint:
    """Put the parts that are given in their place. Any: fields of a blueprint."""
    parts: dict[str, Any] = {
        "hardware": data.hardware,
        "disks": None if data.disks is None else tuple(data.disks),
        "nics": None if data.nics is None else tuple(data.nics),
        "cloud": data.cloud_init,
        **more,
    }
    return replace(blueprint, **{name: each for name, each in parts.items() if each is not None})


@router.get(
    "/{template_id}",
    response=TemplateInfo,
    operation_id="get_template",
    summary="Look at a template",
)
def get_template(request: HttpRequest, template_id: UUID, response: HttpResponse) -> TemplateInfo:
    """Show a template, and whether guests can be made from it now."""
    return _tagged(selectors.template(actor_of(request), template_id), response)


def _tagged(row: Template, response: HttpResponse) -> TemplateInfo:
    response["ETag"] = tag(row.number)
    return represent.template(row)


@router.patch(
    "/{template_id}",
    response=TemplateInfo,
    operation_id="change_template",
    summary="Change a template",
    openapi_extra=MATCH,
)
def change_template(
    request: HttpRequest, template_id: UUID, data: TemplateChange, response: HttpResponse
) -> TemplateInfo:
    """Make a new version; guests made from former ones stay as they are."""
    actor = actor_of(request)
    row = selectors.template(actor, template_id)
    require_match(request, lambda: tag(row.number))
    now = TemplateDefaults(**{one.name: getattr(row, one.name) for one in fields(TemplateDefaults)})
    content = _simple(now, data).content(row.plan)
    changed = templates.edit_whole(
        actor=actor,
        template_id=template_id,
        content=replace(content, blueprint=_with_parts(content.blueprint, data)),
        image_id=data.image_id,
    )
    return _tagged(changed, response)


@guests.post(
    "/{vm_id}/template",
    response={202: JobInfo},
    operation_id="copy_template",
    summary="Make a template of a guest",
    openapi_extra=ONCE,
)
def copy_template(
    request: HttpRequest, vm_id: UUID, data: TemplateFromGuest, response: HttpResponse
) -> Status[JobInfo]:
    """Copy the disks of a guest that is off; its job makes a template of the copies."""
    wish = CopyWish(data.name, data.description, data.pool, data.is_cleaned)
    return once_a_job(
        request,
        response,
        lambda: template_copies.from_guest(actor=actor_of(request), vm_id=vm_id, wish=wish),
    )


@router.get(
    "/{template_id}/versions",
    response=list[VersionInfo],
    operation_id="list_template_versions",
    summary="List the versions of a template",
)
def list_template_versions(request: HttpRequest, template_id: UUID) -> list[VersionInfo]:
    """Show each change, newest first: who made it, when, and what differs."""
    lines = versions.history(actor=actor_of(request), template_id=template_id)
    return [VersionInfo(**{**asdict(line), "changed": list(line.changed)}) for line in lines]


@router.delete(
    "/{template_id}",
    response={204: None},
    operation_id="delete_template",
    summary="Delete a template",
)
def delete_template(request: HttpRequest, template_id: UUID) -> Status[None]:
    """Delete a template; its image and the guests made from it stay."""
    templates.delete(actor=actor_of(request), template_id=template_id)
    return Status(204, None)
