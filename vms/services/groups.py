"""Groups of people: make, name, delete; who is in them, and who manages them.

Whatever changes here changes what members may do at once, also in pages that are open.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from vms import circles, selectors
from vms.live import publish
from vms.models import Group, Membership, User
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, names

MAX_NAME = 100
MAX_DESCRIPTION = 1000


def create(*, actor: Actor, name: str, description: str = "") -> Group:
    """Make a group that has no members yet. Raises Forbidden, Invalid (name, description)."""
    if not can(actor, Action.GROUP_MANAGE):
        raise Forbidden("forbidden", action=Action.GROUP_MANAGE.value)
    return _save(actor, Group(), "group.create", name, description)


def edit(
    *, actor: Actor, group_id: selectors.Identifier, name: str, description: str = ""
) -> Group:
    """Give a group another name and description. Raises NotFound, Forbidden, Invalid."""
    group = circles.group(actor, group_id, Action.GROUP_MANAGE)
    return _save(actor, group, "group.edit", name, description)


def delete(*, actor: Actor, group_id: selectors.Identifier) -> None:
    """Delete a group: its members lose what was shared with it; the guests stay."""
    group = circles.group(actor, group_id, Action.GROUP_MANAGE)
    members = [str(pk) for pk in group.memberships.values_list("user", flat=True)]
    trail = audit.Trail(actor, "group.delete", _target(group), detail={"members": len(members)})
    with transaction.atomic(), audit.audited(trail):
        group.delete()
        for user_id in members:
            _announce_rights(user_id)
        _announce()


def add_member(
    *, actor: Actor, group_id: selectors.Identifier, username: str, is_manager: bool = False
) -> Membership:
    """Add a person by the exact user name: nobody is offered a list of all people.

    Raises NotFound, Forbidden, Invalid("username").
    """
    group = circles.group(actor, group_id, Action.GROUP_ADD_MEMBERS)
    if is_manager:
        _require_manage(actor, group)
    user = find_person(username)
    trail = _trail(actor, "group.add-member", group, user, is_manager)
    try:
        with transaction.atomic(), audit.audited(trail):
            made = Membership.objects.create(group=group, user=user, is_manager=is_manager)
            _announce_rights(str(user.pk))
            _announce()
    except IntegrityError:
        raise Invalid({"username": Problem("already-member", name=user.username)}) from None
    return made


def remove_member(
    *, actor: Actor, group_id: selectors.Identifier, user_id: selectors.Identifier
) -> None:
    """Take somebody out of a group; a manager of it only who manages groups.

    Raises NotFound, Forbidden.
    """
    group = circles.group(actor, group_id, Action.GROUP_ADD_MEMBERS)
    member = circles.member(actor, group, user_id)
    if member.is_manager:
        _require_manage(actor, group)
    with (
        transaction.atomic(),
        audit.audited(_trail(actor, "group.remove-member", group, member.user, member.is_manager)),
    ):
        if not Membership.objects.filter(pk=member.pk).delete()[0]:
            raise NotFound("membership")
        _announce_rights(str(member.user_id))
        _announce()


def set_manager(
    *,
    actor: Actor,
    group_id: selectors.Identifier,
    user_id: selectors.Identifier,
    is_manager: bool,
) -> Membership:
    """Make a member manager of the group, or take that away. Raises NotFound, Forbidden."""
    group = circles.group(actor, group_id, Action.GROUP_MANAGE)
    member = circles.member(actor, group, user_id)
    trail = _trail(actor, "group.set-manager", group, member.user, is_manager)
    with transaction.atomic(), audit.audited(trail):
        if not Membership.objects.filter(pk=member.pk).update(is_manager=is_manager):
            raise NotFound("membership")
        member.is_manager = is_manager
        _announce_rights(str(member.user_id))
        _announce()
    return member


def find_person(username: str) -> User:
    """Find an active person by the exact user name. Raises Invalid("username")."""
    user = User.objects.filter(username=username.strip(), is_active=True).first()
    if user is None:
        raise Invalid({"username": Problem("unknown-person")})
    return user


def _require_manage(actor: Actor, group: Group) -> None:
    if not can(actor, Action.GROUP_MANAGE, group):
        raise Forbidden("forbidden", action=Action.GROUP_MANAGE.value)


def _save(actor: Actor, group: Group, action: str, name: str, description: str) -> Group:
    name, description = name.strip(), description.replace("\r\n", "\n").strip()
    if errors := _errors(name, description):
        raise Invalid(errors)
    group.name, group.description = name, description
    try:
        with transaction.atomic(), audit.audited(audit.Trail(actor, action, _target(group))):
            group.save()
            _announce()
    except IntegrityError:
        raise Invalid({"name": Problem("group-name-used", name=name)}) from None
    return group


def _errors(name: str, description: str) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if problem := names.name_problem(name):
        errors["name"] = problem
    if len(name) > MAX_NAME:
        errors["name"] = Problem("name-too-long", limit=MAX_NAME)
    if names.has_control_characters(description, allowed="\n\t"):
        errors["description"] = Problem("text-control")
    elif len(description) > MAX_DESCRIPTION:
        errors["description"] = Problem("text-too-long", limit=MAX_DESCRIPTION)
    return errors


def _target(group: Group) -> audit.Target:
    return audit.Target("group", str(group.pk), group.name)


def _trail(actor: Actor, action: str, group: Group, user: User, is_manager: bool) -> audit.Trail:
    detail: dict[str, str | int | list[str]] = {"person": user.username, "manager": is_manager}
    return audit.Trail(actor, action, _target(group), detail=detail)


def _announce_rights(user_id: str) -> None:
    transaction.on_commit(lambda: publish.rights_changed(user_id))


def _announce() -> None:
    transaction.on_commit(lambda: publish.things_changed("groups"))
