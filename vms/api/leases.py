"""Leases: the end of a guest, and the rules of groups and of everybody."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from vms.api.auth import actor_of
from vms.api.inputs import LeaseChange, LeaseRuleChange
from vms.api.quotaschemas import LeaseRuleInfo
from vms.api.schemas import Vm
from vms.api.vms import show
from vms.services import leases
from vms.services.leases import Rule

router = Router(tags=["leases"])
guests = Router(tags=["vms"])


@guests.put("/{vm_id}/lease", response=Vm, operation_id="set_vm_lease", summary="Move the end")
def set_vm_lease(request: HttpRequest, vm_id: UUID, data: LeaseChange) -> Vm:
    """Say when a guest ends, with null that it does not; within what its owner's groups allow."""
    actor = actor_of(request)
    leases.set_end(actor=actor, vm_id=vm_id, until=data.until)
    return show(actor, vm_id)


def _rule(request: HttpRequest, group_id: UUID | None) -> LeaseRuleInfo:
    rule = leases.rule(actor=actor_of(request), group_id=group_id)
    return LeaseRuleInfo(
        default_days=rule.default_days, max_days=rule.max_days, grace_days=rule.grace_days
    )


def _set(request: HttpRequest, group_id: UUID | None, data: LeaseRuleChange) -> LeaseRuleInfo:
    wanted = Rule(data.default_days, data.max_days, data.grace_days)
    leases.set_rule(actor=actor_of(request), group_id=group_id, rule=wanted)
    return _rule(request, group_id)


@router.get(
    "/site", response=LeaseRuleInfo, operation_id="get_site_lease", summary="Everybody's lease"
)
def get_site_lease(request: HttpRequest) -> LeaseRuleInfo:
    """Show how long the guests of those live who are in no group with a rule."""
    return _rule(request, None)


@router.put(
    "/site", response=LeaseRuleInfo, operation_id="set_site_lease", summary="Set everybody's lease"
)
def set_site_lease(request: HttpRequest, data: LeaseRuleChange) -> LeaseRuleInfo:
    """Say how long new guests live. For administrators."""
    return _set(request, None, data)


@router.get(
    "/groups/{group_id}",
    response=LeaseRuleInfo,
    operation_id="get_group_lease",
    summary="A group's lease",
)
def get_group_lease(request: HttpRequest, group_id: UUID) -> LeaseRuleInfo:
    """Show how long the guests of a group's members live."""
    return _rule(request, group_id)


@router.put(
    "/groups/{group_id}",
    response=LeaseRuleInfo,
    operation_id="set_group_lease",
    summary="Set a group's lease",
)
def set_group_lease(request: HttpRequest, group_id: UUID, data: LeaseRuleChange) -> LeaseRuleInfo:
    """Say how long new guests of a group's members live. For administrators."""
    return _set(request, group_id, data)
