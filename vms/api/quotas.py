"""Quotas: one's own, and for administrators those of people, of groups and of everybody."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from vms.api.auth import actor_of
from vms.api.inputs import QuotaLimits
from vms.api.quotaschemas import Amounts as UsedInfo
from vms.api.quotaschemas import QuotaBounds, QuotaInfo, QuotaSource, SiteQuota
from vms.services import quota_rules
from vms.services.quotas import Limit, Limits, Unlimited
from vms.services.usage import Amounts, Resource

router = Router(tags=["quotas"])
own = Router(tags=["me"])


def _shown(limit: Limit) -> int | Literal["unlimited"] | None:
    return "unlimited" if isinstance(limit, Unlimited) else limit


def _limits(limits: Limits) -> QuotaBounds:
    return QuotaBounds(**{one.value: _shown(limits.of(one)) for one in Resource})


def _used(used: Amounts) -> UsedInfo:
    return UsedInfo(**{one.value: used.of(one) for one in Resource})


def _wanted(data: QuotaLimits) -> Limits:
    said = {
        name: Unlimited.UNLIMITED if isinstance(value, str) else value
        for name, value in data.model_dump().items()
    }
    return Limits(**said)


@own.get("/quota", response=list[QuotaSource], operation_id="get_my_quota", summary="My quota")
def get_my_quota(request: HttpRequest) -> list[QuotaSource]:
    """List the quotas that bind you, with what is used; of each resource the tightest wins."""
    return [
        QuotaSource(
            scope=source.scope,
            name=source.whose,
            limits=_limits(source.limits),
            used=_used(source.used),
        )
        for source in quota_rules.mine(actor=actor_of(request))
    ]


@router.get("/site", response=SiteQuota, operation_id="get_site_quota", summary="Everybody's quota")
def get_site_quota(request: HttpRequest) -> SiteQuota:
    """Show what each person may have who has no quota of his own."""
    return SiteQuota(limits=_limits(quota_rules.of_site(actor=actor_of(request))))


@router.put(
    "/site", response=SiteQuota, operation_id="set_site_quota", summary="Set everybody's quota"
)
def set_site_quota(request: HttpRequest, data: QuotaLimits) -> SiteQuota:
    """Set what each person may have who has no quota of his own. For administrators."""
    quota_rules.set_site(actor=actor_of(request), limits=_wanted(data))
    return get_site_quota(request)


@router.get(
    "/users/{user_id}", response=QuotaInfo, operation_id="get_user_quota", summary="One's quota"
)
def get_user_quota(request: HttpRequest, user_id: UUID) -> QuotaInfo:
    """Show somebody's own quota and what he uses."""
    line = quota_rules.of_user(actor=actor_of(request), user_id=user_id)
    return QuotaInfo(
        id=line.user.pk,
        name=line.user.username,
        limits=_limits(line.limits),
        used=_used(line.used),
    )


@router.put(
    "/users/{user_id}",
    response=QuotaInfo,
    operation_id="set_user_quota",
    summary="Set a person's quota",
)
def set_user_quota(request: HttpRequest, user_id: UUID, data: QuotaLimits) -> QuotaInfo:
    """Set somebody's own quota; what is null there is as the site says. For administrators."""
    quota_rules.set_user(actor=actor_of(request), user_id=user_id, limits=_wanted(data))
    return get_user_quota(request, user_id)


@router.get(
    "/groups/{group_id}",
    response=QuotaInfo,
    operation_id="get_group_quota",
    summary="A group's quota",
)
def get_group_quota(request: HttpRequest, group_id: UUID) -> QuotaInfo:
    """Show what the members of a group share, and what they use together."""
    line = quota_rules.of_group(actor=actor_of(request), group_id=group_id)
    return QuotaInfo(
        id=line.group.pk,
        name=line.group.name,
        limits=_limits(line.limits),
        used=_used(line.used),
    )


@router.put(
    "/groups/{group_id}",
    response=QuotaInfo,
    operation_id="set_group_quota",
    summary="Set a group's quota",
)
def set_group_quota(request: HttpRequest, group_id: UUID, data: QuotaLimits) -> QuotaInfo:
    """Set what the members of a group share. For administrators."""
    quota_rules.set_group(actor=actor_of(request), group_id=group_id, limits=_wanted(data))
    return get_group_quota(request, group_id)
