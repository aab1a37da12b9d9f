"""Leases: the end of a guest, and the rules of groups and of everybody."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from vms.api.auth import actor_of
from vms.api.inputs import LeaseChange, LeaseRuleChange
from vms.api.once import MATCH, require_match, tag_of
from vms.api.schemas.guests import Vm
from vms.api.schemas.quotas import LeaseRuleInfo
from vms.api.vms import require_same, show_tagged
from vms.policy import Action
from vms.services import leases
from vms.services.leases import Rule

router = Router(tags=["leases"])
guests = Router(tags=["vms"])


@guests.put(
    "/{vm_id}/lease",
    response=Vm,
    operation_id="set_vm_lease",
    summary="Move the end",
    openapi_extra=MATCH,
)
def set_vm_lease(
    request: HttpRequest, vm_id: UUID, data: LeaseChange, response: HttpResponse
) -> Vm:
    """Say when a guest ends, with null that it does not; within what its owner's groups allow."""
    actor = actor_of(request)
    require_same(request, actor, vm_id, Action.VM_EDIT)
    leases.set_end(actor=actor, vm_id=vm_id, until=data.until)
    return show_tagged(actor, vm_id, response)


def _rule(request: HttpRequest, group_id: UUID | None) -> LeaseRuleInfo:
    rule = leases.rule(actor=actor_of(request), group_id=group_id)
    return LeaseRuleInfo(
        default_days=rule.default_days, max_days=rule.max_days, grace_days=rule.grace_days
    )


def _show(request: HttpRequest, response: HttpResponse, group_id: UUID | None) -> LeaseRuleInfo:
    rule = _rule(request, group_id)
    response["ETag"] = tag_of(rule)
    return rule


def _set(
    request: HttpRequest, response: HttpResponse, group_id: UUID | None, data: LeaseRuleChange
) -> LeaseRuleInfo:
    require_match(request, lambda: tag_of(_rule(request, group_id)))
    wanted = Rule(data.default_days, data.max_days, data.grace_days)
    leases.set_rule(actor=actor_of(request), group_id=group_id, rule=wanted)
    return _show(request, response, group_id)


@router.get(
    "/site", response=LeaseRuleInfo, operation_id="get_site_lease", summary="Everybody's lease"
)
def get_site_lease(request: HttpRequest, response: HttpResponse) -> LeaseRuleInfo:
    """Show how long the guests of those live who are in no group with a rule."""
    return _show(request, response, None)


@router.put(
    "/site",
    response=LeaseRuleInfo,
    operation_id="set_site_lease",
    summary="Set everybody's lease",
    openapi_extra=MATCH,
)
def set_site_lease(
    request: HttpRequest, data: LeaseRuleChange, response: HttpResponse
) -> LeaseRuleInfo:
    """Say how long new guests live. For administrators."""
    return _set(request, response, None, data)


@router.get(
    "/groups/{group_id}",
    response=LeaseRuleInfo,
    operation_id="get_group_lease",
    summary="A group's lease",
)
def get_group_lease(request: HttpRequest, group_id: UUID, response: HttpResponse) -> LeaseRuleInfo:
    """Show how long the guests of a group's members live."""
    return _show(request, response, group_id)


@router.put(
    "/groups/{group_id}",
    response=LeaseRuleInfo,
    operation_id="set_group_lease",
    summary="Set a group's lease",
    openapi_extra=MATCH,
)
def set_group_lease(
    request: HttpRequest, group_id: UUID, data: LeaseRuleChange, response: HttpResponse
) -> LeaseRuleInfo:
    """Say how long new guests of a group's members live. For administrators."""
    return _set(request, response, group_id, data)
