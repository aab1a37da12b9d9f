"""Quotas: one's own, and for administrators those of people, of groups and of everybody."""

from __future__ import annotations

from typing import Literal, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from vms.api.auth import actor_of
from vms.api.inputs import QuotaLimits
from vms.api.once import MATCH, require_match, tag_of
from vms.api.schemas.quotas import Amounts as UsedInfo
from vms.api.schemas.quotas import QuotaBounds, QuotaInfo, QuotaSource, SiteQuota
from vms.policy import Actor
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
            name=str(source.whose),
            limits=_limits(source.limits),
            used=_used(source.used),
        )
        for source in quota_rules.mine(actor=actor_of(request))
    ]


@router.get("/site", response=SiteQuota, operation_id="get_site_quota", summary="Everybody's quota")
def get_site_quota(request: HttpRequest, response: HttpResponse) -> SiteQuota:
    """Show what each person may have who has no quota of his own."""
    return _tagged(_site(actor_of(request)), response)


Q = TypeVar("Q", SiteQuota, QuotaInfo)


def _tagged(shown: Q, response: HttpResponse) -> Q:
    """Put the ETag beside a quota: of its limits, for what is used changes by itself."""
    response["ETag"] = tag_of(shown.limits)
    return shown


def _site(actor: Actor) -> SiteQuota:
    return SiteQuota(limits=_limits(quota_rules.of_site(actor=actor)))


@router.put(
    "/site",
    response=SiteQuota,
    operation_id="set_site_quota",
    summary="Set everybody's quota",
    openapi_extra=MATCH,
)
def set_site_quota(request: HttpRequest, data: QuotaLimits, response: HttpResponse) -> SiteQuota:
    """Set what each person may have who has no quota of his own. For administrators."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_site(actor).limits))
    quota_rules.set_site(actor=actor, limits=_wanted(data))
    return _tagged(_site(actor), response)


@router.get(
    "/users/{user_id}", response=QuotaInfo, operation_id="get_user_quota", summary="One's quota"
)
def get_user_quota(request: HttpRequest, user_id: UUID, response: HttpResponse) -> QuotaInfo:
    """Show somebody's own quota and what he uses."""
    return _tagged(_of_user(actor_of(request), user_id), response)


def _of_user(actor: Actor, user_id: UUID) -> QuotaInfo:
    line = quota_rules.of_user(actor=actor, user_id=user_id)
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
    openapi_extra=MATCH,
)
def set_user_quota(
    request: HttpRequest, user_id: UUID, data: QuotaLimits, response: HttpResponse
) -> QuotaInfo:
    """Set somebody's own quota; what is null there is as the site says. For administrators."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_of_user(actor, user_id).limits))
    quota_rules.set_user(actor=actor, user_id=user_id, limits=_wanted(data))
    return _tagged(_of_user(actor, user_id), response)


@router.get(
    "/groups/{group_id}",
    response=QuotaInfo,
    operation_id="get_group_quota",
    summary="A group's quota",
)
def get_group_quota(request: HttpRequest, group_id: UUID, response: HttpResponse) -> QuotaInfo:
    """Show what the members of a group share, and what they use together."""
    return _tagged(_of_group(actor_of(request), group_id), response)


def _of_group(actor: Actor, group_id: UUID) -> QuotaInfo:
    line = quota_rules.of_group(actor=actor, group_id=group_id)
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
    openapi_extra=MATCH,
)
def set_group_quota(
    request: HttpRequest, group_id: UUID, data: QuotaLimits, response: HttpResponse
) -> QuotaInfo:
    """Set what the members of a group share. For administrators."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_of_group(actor, group_id).limits))
    quota_rules.set_group(actor=actor, group_id=group_id, limits=_wanted(data))
    return _tagged(_of_group(actor, group_id), response)
