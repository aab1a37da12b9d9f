"""Self-registration, where the operator allows it: an account that waits for an administrator."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from vms import selectors
from vms.live import publish
from vms.models import Role, User
from vms.policy import Action, Actor, Door, SystemActor, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, invitations, limits, notices, people
from vms.services.people import NewPerson


def is_open() -> bool:
    """Say whether strangers may register."""
    return bool(settings.KVMWEB.registration)


def register(
    *, address: str, username: str, full_name: str = "", email: str = "", password: str
) -> User:
    """Make an account that cannot log in until an administrator lets it in, and tell them.

    Raises NotFound while registration is off, TooMany, Invalid (username, full_name, email,
    password).
    """
    if not is_open():
        raise NotFound("registration")
    limits.require_left(limits.REGISTRATIONS, address)
    new = NewPerson(username, full_name, Role.USER, email)
    errors = people.errors(new) | _address_errors(email)
    errors |= invitations.password_errors(new, password)
    if errors:
        raise Invalid(errors)
    limits.spend(limits.REGISTRATIONS, address)
    actor = SystemActor(Door.WEB, name="registration", address=address)
    with transaction.atomic():
        user = people.make(
            actor=actor, new=new, password=password, is_pending=True, action="people.register"
        )
        for each in User.objects.filter(role=Role.ADMINISTRATOR, is_active=True):
            params = {"name": username, "email": email}
            notices.tell(user=each, kind=notices.REGISTERED, params=params)
    return user


def _address_errors(email: str) -> dict[str, Problem]:
    domains = [domain.lower() for domain in settings.KVMWEB.registration_domains]
    if not domains:
        return {}
    if not email:
        return {"email": Problem("required")}
    if email.rpartition("@")[2].lower() not in domains:
        return {"email": Problem("email-domain", domains=", ".join(domains))}
    return {}


def admit(*, actor: Actor, user_id: selectors.Identifier) -> User:
    """Let somebody in who registered himself. Raises NotFound for anybody else."""
    user = _waiting(actor, user_id)
    user.is_active, user.is_pending = True, False
    with transaction.atomic(), audit.audited(_trail(actor, "people.admit", user)):
        user.save(update_fields=["is_active", "is_pending"])
        transaction.on_commit(lambda: publish.things_changed("people"))
    return user


def turn_away(*, actor: Actor, user_id: selectors.Identifier) -> User:
    """Delete the account of somebody who registered himself and was never let in."""
    user = _waiting(actor, user_id)
    with transaction.atomic(), audit.audited(_trail(actor, "people.turn-away", user)):
        User.objects.filter(pk=user.pk, is_pending=True).delete()
        transaction.on_commit(lambda: publish.things_changed("people"))
    return user


def _waiting(actor: Actor, user_id: selectors.Identifier) -> User:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)
    user = selectors.person(actor, user_id)
    if not user.is_pending:
        raise NotFound("user")
    return user


def _trail(actor: Actor, action: str, user: User) -> audit.Trail:
    return audit.Trail(actor, action, audit.Target("user", str(user.pk), user.username))
