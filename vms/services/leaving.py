"""Closing the account of somebody who has guests: access ends first, then they change hands."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from vms import selectors
from vms.hypervisor.errors import HypervisorError
from vms.models import VM, ApiToken, Ticket, User
from vms.policy import Actor
from vms.problems import Invalid, Problem
from vms.services import ownership, people


@dataclass(frozen=True, slots=True)
class Stayed:
    """A guest that could not change hands, and why."""

    vm: VM
    why: Problem | HypervisorError


@dataclass(frozen=True, slots=True)
class Departure:
    """What became of an account and its guests; `heir` is None where they have no owner now."""

    user: User
    heir: User | None
    moved: int
    stayed: tuple[Stayed, ...]


def close_account(
    *, actor: Actor, user_id: selectors.Identifier, heir_id: selectors.Identifier | None
) -> Departure:
    """Close an account and give its guests to the heir, or to nobody where that is None.

    Sessions, sockets, consoles and tokens end before the first guest is touched; a guest that
    cannot change hands (its host is away, the heir has one of that name) stays and is told.
    Raises NotFound, Refused, Invalid (heir).
    """
    user = selectors.person(actor, user_id)
    heir = _heir(user, heir_id)
    user = people.deactivate(actor=actor, user_id=user_id)
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    Ticket.objects.filter(user=user).delete()
    guests = list(VM.objects.filter(owner=user).order_by("name", "id"))
    stayed = [each for guest in guests if (each := _hand_over(actor, guest, heir))]
    return Departure(user, heir, len(guests) - len(stayed), tuple(stayed))


def _heir(user: User, heir_id: selectors.Identifier | None) -> User | None:
    if not heir_id:
        return None
    heir = User.objects.filter(pk=heir_id, is_active=True).exclude(pk=user.pk).first()
    if heir is None:
        raise Invalid({"heir": Problem("unknown-owner")})
    return heir


def _hand_over(actor: Actor, guest: VM, heir: User | None) -> Stayed | None:
    try:
        heir_id = heir.pk if heir else None
        ownership.set_owner(actor=actor, vm_id=guest.pk, owner_id=heir_id)
    except Invalid as problem:
        return Stayed(guest, next(iter(problem.fields.values())))
    except (Problem, HypervisorError) as problem:
        return Stayed(guest, problem)
    return None
