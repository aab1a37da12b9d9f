"""Templates: list, make, look at, change, delete."""

from __future__ import annotations

from dataclasses import fields, replace
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from vms import selectors
from vms.api import represent
from vms.api.auth import actor_of
from vms.api.inputs import Paging, TemplateChange, TemplateCreate
from vms.api.paging import page
from vms.api.schemas import TemplateInfo, TemplatePage
from vms.services import templates
from vms.services.templates import TemplateDefaults

router = Router(tags=["templates"])


@router.get("", response=TemplatePage, operation_id="list_templates", summary="List templates")
def list_templates(request: HttpRequest, paging: Query[Paging]) -> TemplatePage:
    """List what guests can be made from."""
    rows = selectors.templates(actor_of(request))
    return page(TemplatePage, rows, paging, represent.template_list)


@router.post(
    "", response={201: TemplateInfo}, operation_id="create_template", summary="Make a template"
)
def create_template(request: HttpRequest, data: TemplateCreate) -> Status[TemplateInfo]:
    """Make a template from an image. For administrators."""
    defaults = TemplateDefaults(**data.model_dump(exclude={"image_id"}))
    row = templates.create(actor=actor_of(request), image_id=data.image_id, defaults=defaults)
    return Status(201, represent.template(row))


@router.get(
    "/{template_id}",
    response=TemplateInfo,
    operation_id="get_template",
    summary="Look at a template",
)
def get_template(request: HttpRequest, template_id: UUID) -> TemplateInfo:
    """Show a template, and whether guests can be made from it now."""
    return represent.template(selectors.template(actor_of(request), template_id))


@router.patch(
    "/{template_id}",
    response=TemplateInfo,
    operation_id="change_template",
    summary="Change a template",
)
def change_template(request: HttpRequest, template_id: UUID, data: TemplateChange) -> TemplateInfo:
    """Change the defaults; guests made from it stay as they are. For administrators."""
    actor = actor_of(request)
    row = selectors.template(actor, template_id)
    now = TemplateDefaults(**{one.name: getattr(row, one.name) for one in fields(TemplateDefaults)})
    wanted = replace(now, **data.model_dump(exclude_none=True))
    return represent.template(templates.edit(actor=actor, template_id=template_id, defaults=wanted))


@router.delete(
    "/{template_id}",
    response={204: None},
    operation_id="delete_template",
    summary="Delete a template",
)
def delete_template(request: HttpRequest, template_id: UUID) -> Status[None]:
    """Delete a template; its image and the guests made from it stay. For administrators."""
    templates.delete(actor=actor_of(request), template_id=template_id)
    return Status(204, None)
