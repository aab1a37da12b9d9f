"""Accounts: list, add, change the role, close, open, reset. For administrators."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router, Status

from vms import messages, selectors
from vms.api.auth import actor_of
from vms.api.once import MATCH, ONCE, once, require_match, tag_of
from vms.api.paging import page
from vms.api.schemas.common import Ref
from vms.api.schemas.people import (
    Departing,
    DepartureInfo,
    FactorRule,
    NewPassword,
    NewPersonInfo,
    PersonChange,
    PersonCreate,
    PersonFilter,
    PersonInfo,
    PersonPage,
    StayedInfo,
)
from vms.models import Role, User
from vms.policy import Actor
from vms.services import factors, leaving, people, registration

router = Router(tags=["people"])


def _shown(rows: list[User]) -> list[PersonInfo]:
    counts = factors.counts()
    return [
        PersonInfo(
            id=row.pk,
            username=row.username,
            full_name=row.get_full_name(),
            email=row.email,
            role=Role(row.role),
            is_active=row.is_active,
            is_pending=row.is_pending,
            is_from_directory=bool(row.ldap_dn),
            must_change_password=row.must_change_password,
            second_factors=counts.get(str(row.pk), 0),
            created_at=row.date_joined,
            last_login_at=row.last_login,
        )
        for row in rows
    ]


def _tag(row: User) -> str:
    """Make the entity tag of what can be changed of an account."""
    return tag_of(row.role, row.is_active)


def _tagged(row: User, response: HttpResponse) -> PersonInfo:
    response["ETag"] = _tag(row)
    return _shown([row])[0]


@router.get("", response=PersonPage, operation_id="list_people", summary="List people")
def list_people(request: HttpRequest, wanted: Query[PersonFilter]) -> PersonPage:
    """List accounts. For administrators and auditors; others get an empty list."""
    rows = selectors.people(actor_of(request)).order_by("username")
    if wanted.q:
        named = Q(first_name__icontains=wanted.q) | Q(last_name__icontains=wanted.q)
        rows = rows.filter(named | Q(username__icontains=wanted.q))
    if wanted.role:
        rows = rows.filter(role=wanted.role)
    return page(PersonPage, rows, wanted, _shown)


@router.post(
    "",
    response={201: NewPersonInfo},
    operation_id="add_person",
    summary="Add somebody",
    openapi_extra=ONCE,
)
def add_person(
    request: HttpRequest, data: PersonCreate, response: HttpResponse
) -> Status[NewPersonInfo]:
    """Make an account; its one-time password is shown only now. For administrators."""

    def make() -> tuple[int, NewPersonInfo, str]:
        row, password = people.add(actor=actor_of(request), **data.model_dump())
        shown = NewPersonInfo(**_shown([row])[0].model_dump(), password=password)
        return 201, shown, reverse("api:get_person", kwargs={"user_id": row.pk})

    return once(request, response, NewPersonInfo, make)


@router.get(
    "/rules/second-factor",
    response=FactorRule,
    operation_id="get_factor_rule",
    summary="Who needs a second factor",
)
def get_factor_rule(request: HttpRequest, response: HttpResponse) -> FactorRule:
    """Say which roles need a second factor. For administrators."""
    return _rule(actor_of(request), response)


def _rule(actor: Actor, response: HttpResponse) -> FactorRule:
    shown = _rule_now(actor)
    response["ETag"] = tag_of(shown)
    return shown


def _rule_now(actor: Actor) -> FactorRule:
    return FactorRule(roles=[Role(role) for role in sorted(factors.rule(actor=actor))])


@router.put(
    "/rules/second-factor",
    response=FactorRule,
    operation_id="set_factor_rule",
    summary="Say who needs a second factor",
    openapi_extra=MATCH,
)
def set_factor_rule(request: HttpRequest, data: FactorRule, response: HttpResponse) -> FactorRule:
    """Say which roles need a second factor; who lacks one is led to it at his next click."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_rule_now(actor)))
    factors.set_roles_in_need(actor=actor, roles=data.roles)
    return _rule(actor, response)


@router.get(
    "/{user_id}", response=PersonInfo, operation_id="get_person", summary="Look at an account"
)
def get_person(request: HttpRequest, user_id: UUID, response: HttpResponse) -> PersonInfo:
    """Show an account."""
    return _tagged(selectors.person_to_look_at(actor_of(request), user_id), response)


@router.patch(
    "/{user_id}",
    response=PersonInfo,
    operation_id="change_person",
    summary="Change the role",
    openapi_extra=MATCH,
)
def change_person(
    request: HttpRequest, user_id: UUID, data: PersonChange, response: HttpResponse
) -> PersonInfo:
    """Give somebody another role; what he sees changes at once."""
    actor = actor_of(request)
    require_match(request, lambda: _tag(selectors.person(actor, user_id)))
    return _tagged(people.set_role(actor=actor, user_id=user_id, role=data.role), response)


@router.post(
    "/{user_id}/deactivate",
    response=DepartureInfo,
    operation_id="deactivate_person",
    summary="Close an account",
)
def deactivate_person(request: HttpRequest, user_id: UUID, data: Departing) -> DepartureInfo:
    """End its sessions, consoles and tokens at once, and give its guests to the heir.

    A guest that cannot change hands stays, and is told.
    """
    done = leaving.close_account(actor=actor_of(request), user_id=user_id, heir_id=data.heir_id)
    return DepartureInfo(
        person=_shown([done.user])[0],
        moved=done.moved,
        stayed=[
            StayedInfo(
                vm=Ref(id=each.vm.pk, name=each.vm.name),
                code=each.why.code,
                reason=messages.sentence(each.why),
            )
            for each in done.stayed
        ],
    )


@router.post(
    "/{user_id}/reactivate",
    response=PersonInfo,
    operation_id="reactivate_person",
    summary="Open a closed account",
)
def reactivate_person(request: HttpRequest, user_id: UUID, response: HttpResponse) -> PersonInfo:
    """Open a closed account again, with its old password."""
    return _tagged(people.reactivate(actor=actor_of(request), user_id=user_id), response)


@router.post(
    "/{user_id}/reset-password",
    response=NewPassword,
    operation_id="reset_password",
    summary="Reset a password",
)
def reset_password(request: HttpRequest, user_id: UUID) -> NewPassword:
    """Give an account a one-time password, shown only now; all its sessions end."""
    password = people.reset_password(actor=actor_of(request), user_id=user_id)
    return NewPassword(password=password)


@router.delete(
    "/{user_id}/second-factors",
    response={204: None},
    operation_id="take_second_factors",
    summary="Take second factors away",
)
def take_second_factors(request: HttpRequest, user_id: UUID) -> Status[None]:
    """Remove every second factor of somebody who lost his; all his sessions end."""
    factors.take_away(actor=actor_of(request), user_id=user_id)
    return Status(204, None)


@router.post(
    "/{user_id}/admit", response=PersonInfo, operation_id="admit_person", summary="Let somebody in"
)
def admit_person(request: HttpRequest, user_id: UUID, response: HttpResponse) -> PersonInfo:
    """Let somebody in who registered himself."""
    return _tagged(registration.admit(actor=actor_of(request), user_id=user_id), response)


@router.post(
    "/{user_id}/turn-away",
    response={204: None},
    operation_id="turn_person_away",
    summary="Turn somebody away",
)
def turn_person_away(request: HttpRequest, user_id: UUID) -> Status[None]:
    """Delete the account of somebody who registered himself and was never let in."""
    registration.turn_away(actor=actor_of(request), user_id=user_id)
    return Status(204, None)
