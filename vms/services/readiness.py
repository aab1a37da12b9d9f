"""Whether guests can be made from a template now, from what was last seen on its host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vms import messages
from vms.hypervisor.blueprint import SourceKind, UnreadableBlueprint, from_json
from vms.models import Template, Volume
from vms.problems import Problem
from vms.services import fitting
from vms.services.fitting import Stock
from vms.services.pool_state import SILENT, pool_problem


@dataclass(frozen=True, slots=True)
class TemplateStatus:
    """Whether guests can be made from a template; `reason` is a sentence, "" when they can."""

    is_valid: bool
    code: str = ""
    reason: str = ""
    image: Volume | None = None


def status(template: Template) -> TemplateStatus:
    """Say whether the template can be used now."""
    return statuses([template])[template.pk]


def statuses(templates: Iterable[Template]) -> dict[object, TemplateStatus]:
    """`status` of many templates, by primary key, with three queries in all."""
    rows = list(templates)
    names = {row.volume_name for row in rows} | {
        disk.source_volume for row in rows for disk in row.plan.disks
    }
    known = {row.host_id: row.host for row in rows}
    stocks = fitting.stocks_of(known.values(), names)
    return {row.pk: _status(row, stocks[row.host_id]) for row in rows}


def _status(template: Template, stock: Stock) -> TemplateStatus:
    try:
        blueprint = from_json(template.blueprint)
    except UnreadableBlueprint:
        return _invalid(Problem("template-unreadable"))
    image = stock.volumes.get((template.pool_name, template.volume_name))
    if blueprint.source is not SourceKind.NETWORK:
        where = {"name": template.volume_name, "pool": template.pool_name}
        if image is None:
            return _invalid(Problem("image-gone", **where))
        problem = pool_problem(image.pool)
        if problem and problem.code == SILENT:
            return _invalid(problem)
        if problem:
            return _invalid(Problem("image-pool-inactive", pool=template.pool_name))
    for _key, problem in fitting.shortfalls(blueprint, stock, template.pool_name):
        return TemplateStatus(False, problem.code, messages.sentence(problem), image)
    return TemplateStatus(is_valid=True, image=image)


def _invalid(problem: Problem) -> TemplateStatus:
    return TemplateStatus(False, problem.code, messages.sentence(problem))
