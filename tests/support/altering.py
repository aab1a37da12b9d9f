"""Templates changed behind the services' back, as tests of what follows need it."""

from __future__ import annotations

from dataclasses import replace

from vms.hypervisor.blueprint import Blueprint, as_json, with_first_network
from vms.models import Template, TemplateVersion


def alter_templates(
    *,
    has_cloud_init: bool | None = None,
    default_user: str | None = None,
    network_name: str | None = None,
) -> None:
    """Set these values in every template and in what is kept of its versions."""
    for row in Template.objects.all():
        plan, cloud = row.plan, row.plan.cloud
        if has_cloud_init is not None:
            cloud = replace(cloud, is_read=has_cloud_init)
        if default_user is not None:
            cloud = replace(cloud, user=default_user)
        plan = replace(plan, cloud=cloud)
        if network_name is not None:
            plan = with_first_network(plan, network_name)
        set_blueprint(row, plan)


def set_blueprint(row: Template, plan: Blueprint) -> None:
    """Give a template, and its versions, that blueprint."""
    row.blueprint = as_json(plan)
    row.save(update_fields=["blueprint"])
    for version in TemplateVersion.objects.filter(template=row):
        version.content["blueprint"] = row.blueprint
        version.save(update_fields=["content"])
