"""Accounts: add, change the role, deactivate, reset the password. For administrators."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from vms import selectors
from vms.live import publish
from vms.models import Group, Membership, Role, User
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import audit
from vms.services.secrets import hash_one_time, one_time_password

MAX_NAME = 150
MAX_EMAIL = 254
_USERNAME = re.compile(r"[\w.@+-]{1,150}\Z")


@dataclass(frozen=True, slots=True)
class NewPerson:
    """An account to be made."""

    username: str
    full_name: str = ""
    role: str = Role.USER
    email: str = ""
    group: Group | None = None


def add(
    *, actor: Actor, username: str, full_name: str = "", role: str = Role.USER
) -> tuple[User, str]:
    """Make an account; the second value is its one-time password, shown once and kept nowhere."""
    _authorize(actor)
    new = NewPerson(username, full_name, role)
    if found := errors(new):
        raise Invalid(found)
    password = one_time_password()
    user = make(actor=actor, new=new, password=password, must_change=True)
    return user, password


def make(
    *,
    actor: Actor,
    new: NewPerson,
    password: str,
    must_change: bool = False,
    is_pending: bool = False,
    action: str = "people.add",
) -> User:
    """Make an account that was checked with `errors`. For services: it asks for no right.

    Raises Invalid (username) when somebody took the name meanwhile.
    """
    user = User(
        username=new.username,
        first_name=new.full_name[:150],
        role=new.role,
        email=new.email,
        must_change_password=must_change,
        is_pending=is_pending,
        is_active=not is_pending,
    )
    if must_change:
        user.password = hash_one_time(password)
    else:
        user.set_password(password)
    try:
        with transaction.atomic(), audit.audited(_trail(actor, action, user)):
            user.save()
            if new.group:
                Membership.objects.create(group=new.group, user=user)
            _announce()
    except IntegrityError:
        raise Invalid({"username": Problem("username-used")}) from None
    return user


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.PEOPLE_MANAGE):
        raise Forbidden("forbidden", action=Action.PEOPLE_MANAGE.value)


def errors(new: NewPerson) -> dict[str, Problem]:
    """Say what is wrong with an account to be made, by field."""
    found: dict[str, Problem] = {}
    if not _USERNAME.match(new.username):
        found["username"] = Problem("username-rule")
    elif User.objects.filter(username__iexact=new.username).exists():
        found["username"] = Problem("username-used")
    if len(new.full_name) > MAX_NAME:
        found["full_name"] = Problem("name-too-long", limit=MAX_NAME)
    if new.role not in Role.values:
        found["role"] = Problem("role-unknown")
    if new.email and not is_address(new.email):
        found["email"] = Problem("email-rule")
    return found


def is_address(email: str) -> bool:
    """Say whether a text can be an e-mail address."""
    try:
        validate_email(email)
    except ValidationError:
        return False
    return len(email) <= MAX_EMAIL


def _trail(actor: Actor, action: str, user: User) -> audit.Trail:
    target = audit.Target("user", str(user.pk), user.username)
    return audit.Trail(actor, action, target, detail={"role": str(user.role)})


def _announce() -> None:
    transaction.on_commit(lambda: publish.things_changed("people"))


def set_role(*, actor: Actor, user_id: selectors.Identifier, role: str) -> User:
    """Make somebody administrator or user; what he sees changes at once, without a new login."""
    user = selectors.person(actor, user_id)
    if role not in Role.values:
        raise Invalid({"role": Problem("role-unknown")})
    if role != Role.ADMINISTRATOR:
        _keep_an_administrator(user)
    user.role = role
    return _change(actor, "people.set-role", user, "role")


def deactivate(*, actor: Actor, user_id: selectors.Identifier) -> User:
    """Close an account: sessions, sockets and tokens end at once; the guests stay his."""
    user = selectors.person(actor, user_id)
    if isinstance(actor, Person) and actor.user.pk == user.pk:
        raise Refused("yourself")
    _keep_an_administrator(user)
    user.is_active = False
    with transaction.atomic():  # whoever hears of it finds the sessions ended
        end_sessions(user)
        return _change(actor, "people.deactivate", user, "is_active")


def reactivate(*, actor: Actor, user_id: selectors.Identifier) -> User:
    """Open a closed account again, with its old password."""
    user = selectors.person(actor, user_id)
    if user.is_pending:
        raise Refused("is-pending")
    user.is_active = True
    return _change(actor, "people.reactivate", user, "is_active")


def reset_password(*, actor: Actor, user_id: selectors.Identifier) -> str:
    """Give an account a one-time password, shown once; all its sessions end."""
    user = selectors.person(actor, user_id)
    password = one_time_password()
    user.set_password(password)
    user.must_change_password = True
    with transaction.atomic():  # whoever hears of it finds the sessions ended
        end_sessions(user)
        _change(actor, "people.reset-password", user, "password", "must_change_password")
    return password


def password_changed(*, actor: Actor) -> None:
    """Note that somebody has chosen his own password, so that he is no longer asked to.

    His other sessions end, with their sockets: the old password may be why he changed it.
    """
    if isinstance(actor, Person):
        actor.user.must_change_password = False
        with transaction.atomic():
            end_sessions(actor.user, keep=actor.session_key)
            _change(actor, "people.change-password", actor.user, "must_change_password")


def choose_guest_view(*, actor: Person, view: str) -> None:
    """Remember whether somebody likes his guests as list or gallery; a taste is not audited."""
    actor.user.guest_view = view
    actor.user.save(update_fields=["guest_view"])


def _keep_an_administrator(user: User) -> None:
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=user.pk)
    if user.is_administrator and not others.exists():
        raise Refused("last-administrator")


def _change(actor: Actor, action: str, user: User, *fields: str) -> User:
    with transaction.atomic(), audit.audited(_trail(actor, action, user)):
        user.save(update_fields=fields)
        transaction.on_commit(lambda: publish.rights_changed(str(user.pk)))
        _announce()
    return user


def end_sessions(user: User, keep: str = "") -> None:
    """Delete every browser session of a person but that of the key `keep`."""
    key = str(user.pk)
    for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(pk=keep):
        if str(session.get_decoded().get("_auth_user_id", "")) == key:
            session.delete()
