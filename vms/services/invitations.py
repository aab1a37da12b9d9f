"""Invitations: a link by which somebody makes his own account, once, before a day that is set."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from vms import messages, selectors
from vms.models import Group, Invitation, Role, User
from vms.policy import Action, Actor, Door, Person, SystemActor, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, limits, mail, people
from vms.services.people import NewPerson
from vms.services.secrets import digest, new_secret

MAX_DAYS = 90


def invite(
    *,
    actor: Actor,
    role: str = Role.USER,
    group_id: selectors.Identifier | None = None,
    email: str = "",
    days: int = 7,
) -> tuple[Invitation, str]:
    """Make an invitation; the second value is its secret, shown once and kept as a hash.

    Raises Forbidden, Invalid (role, group, email, days).
    """
    _authorize(actor)
    group = Group.objects.filter(pk=group_id).first() if group_id else None
    errors: dict[str, Problem] = {}
    if role not in Role.values:
        errors["role"] = Problem("role-unknown")
    if group_id and group is None:
        errors["group"] = Problem("not-found")
    if email and not people.is_address(email):
        errors["email"] = Problem("email-rule")
    if days < 1:
        errors["days"] = Problem("too-small", limit=1)
    elif days > MAX_DAYS:
        errors["days"] = Problem("too-large", limit=MAX_DAYS)
    if errors:
        raise Invalid(errors)
    secret = new_secret()
    invitation = Invitation(
        secret_hash=digest(secret),
        role=role,
        group=group,
        email=email,
        created_by=actor.user if isinstance(actor, Person) else None,
        expires_at=timezone.now() + timedelta(days=days),
    )
    with transaction.atomic(), audit.audited(_trail(actor, "people.invite", invitation)):
        invitation.save()
    return invitation, secret


def send(*, invitation: Invitation, url: str) -> None:
    """Mail the link to the address of the invitation. Raises MailFailed."""
    subject, text = messages.invitation_mail(url, invitation.expires_at)
    mail.send(to=invitation.email, subject=subject, text=text)


Delivery = Literal["", "sent", "failed"]
"""What became of a mail; "" where none was wanted or none can be sent."""


def deliver(*, invitation: Invitation, url: str) -> Delivery:
    """Mail the link where there is an address and mail is set up."""
    if not invitation.email or not mail.is_configured():
        return ""
    try:
        send(invitation=invitation, url=url)
    except mail.MailFailed:
        return "failed"
    return "sent"


def open_ones(*, actor: Actor) -> QuerySet[Invitation]:
    """Give the invitations that still open something, newest first."""
    _authorize(actor)
    return _open().select_related("group", "created_by").order_by("-created_at")


def revoke(*, actor: Actor, invitation_id: selectors.Identifier) -> None:
    """Make a link worth nothing. Raises NotFound."""
    _authorize(actor)
    invitation = _open().filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound("invitation")
    with transaction.atomic(), audit.audited(_trail(actor, "people.uninvite", invitation)):
        Invitation.objects.filter(pk=invitation.pk).update(revoked_at=timezone.now())


def find(*, secret: str, address: str) -> Invitation:
    """Find the open invitation of a link. Raises NotFound, and TooMany for who guesses."""
    limits.require_left(limits.INVITATIONS, address)
    invitation = _open().select_related("group").filter(secret_hash=digest(secret)).first()
    if invitation is None:
        limits.spend(limits.INVITATIONS, address)
        raise NotFound("invitation")
    return invitation


def accept(*, secret: str, address: str, username: str, full_name: str = "", password: str) -> User:
    """Make the account of an invitation, which is used up with it.

    Raises NotFound, TooMany, Invalid (username, full_name, password): then it is still open.
    """
    invitation = find(secret=secret, address=address)
    new = NewPerson(username, full_name, invitation.role, invitation.email, invitation.group)
    errors = people.errors(new) | password_errors(new, password)
    if errors:
        raise Invalid(errors)
    actor = SystemActor(Door.WEB, name="invitation", address=address)
    with transaction.atomic():
        claimed = _open().filter(pk=invitation.pk).update(used_at=timezone.now())
        if not claimed:
            raise NotFound("invitation")
        return people.make(actor=actor, new=new, password=password, action="people.join")


def password_errors(new: NewPerson, password: str) -> dict[str, Problem]:
    """Say what is wrong with a password that somebody chose for a new account."""
    someone = User(username=new.username, first_name=new.full_name, email=new.email)
    try:
        validate_password(password, someone)
    except ValidationError as error:
        return {"password": Problem("password-weak", reason=" ".join(error.messages))}
    return {}


def _open() -> QuerySet[Invitation]:
    return Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)


def _trail(actor: Actor, action: str, invitation: Invitation) -> audit.Trail:
    target = audit.Target("invitation", str(invitation.pk), invitation.email)
    group = invitation.group.name if invitation.group else ""
    return audit.Trail(actor, action, target, detail={"role": invitation.role, "group": group})
