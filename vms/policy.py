"""Who may do what: `can()` asks of one object, `visible()` gives the rows; both deny by default.

The only place that knows roles. It reads rows and never changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, Q, QuerySet

from vms import belongings, offers, standing
from vms.actions import READING, Action
from vms.actors import Actor, Door, LinkGuest, Person, SystemActor
from vms.models import (
    VM,
    ApiToken,
    AuditEntry,
    ConsoleLink,
    Group,
    Host,
    Job,
    Membership,
    Network,
    Pool,
    Recording,
    Role,
    Share,
    SshKey,
    Template,
    TokenScope,
    Upload,
    User,
    VmRole,
    Volume,
)

__all__ = [
    "RULES",
    "VIEW_ACTIONS",
    "VM_NEEDS",
    "Action",
    "Actor",
    "Door",
    "LinkGuest",
    "Person",
    "SystemActor",
    "can",
    "visible",
]

M = TypeVar("M", bound=Model)
Predicate = Callable[[User, Any], bool]  # Any: the object differs per action

VM_NEEDS: dict[Action, VmRole] = {
    Action.VM_VIEW: VmRole.VIEWER,
    Action.VM_CONSOLE_VIEW: VmRole.VIEWER,
    Action.VM_POWER: VmRole.OPERATOR,
    Action.VM_CONSOLE: VmRole.OPERATOR,
    Action.VM_MEDIA: VmRole.OPERATOR,
    Action.VM_EDIT: VmRole.OWNER,
    Action.VM_DELETE: VmRole.OWNER,
    Action.VM_CONSOLE_TAKE: VmRole.OWNER,
    Action.VM_RECORD: VmRole.OWNER,
    Action.VM_SET_RECORDING: VmRole.OWNER,
}
"""The least that somebody must be on a guest to do this to it."""


def _anyone(_user: User, _thing: object) -> bool:
    return True


def _on_guest(least: VmRole) -> Predicate:
    def is_at_least(user: User, thing: object) -> bool:
        return isinstance(thing, VM) and standing.on(user, thing).reaches(least)

    return is_at_least


def _can_share(user: User, thing: object) -> bool:
    return isinstance(thing, VM) and standing.on(user, thing).can_share


def _knows_share(user: User, thing: object) -> bool:
    """Knows with whom a guest is shared: who sets it; everybody knows his own share."""
    if isinstance(thing, Share):
        return thing.user_id == user.pk or _can_share(user, thing.vm)
    return _can_share(user, thing)


def _knows_link(user: User, thing: object) -> bool:
    return isinstance(thing, ConsoleLink) and _can_share(user, thing.vm)


def _owns_recorded(user: User, thing: object) -> bool:
    """What was seen at a console may be more than a viewer is meant to see: its owners alone."""
    if not isinstance(thing, Recording) or thing.vm is None:
        return False
    return standing.on(user, thing.vm).reaches(VmRole.OWNER)


def _sees_job(user: User, thing: object) -> bool:
    """Jobs about guests he sees; of what he asked for, also those whose guest is gone."""
    if not isinstance(thing, Job):
        return False
    if thing.vm is None:
        return thing.actor_id == user.pk
    return standing.on(user, thing.vm).reaches(VmRole.VIEWER)


def _stops_job(user: User, thing: object) -> bool:
    if not isinstance(thing, Job):
        return False
    if thing.vm is None:
        return thing.actor_id == user.pk
    least = VmRole.OPERATOR if thing.actor_id == user.pk else VmRole.OWNER
    return standing.on(user, thing.vm).reaches(least)


def _is_member(user: User, thing: object) -> bool:
    if isinstance(thing, Membership):
        thing = thing.group
    return isinstance(thing, Group) and thing.memberships.filter(user=user).exists()


def _manages_group(user: User, thing: object) -> bool:
    if not isinstance(thing, Group):
        return False
    return thing.memberships.filter(user=user, is_manager=True).exists()


def _sees_template(user: User, thing: object) -> bool:
    rows = Template.objects.filter(pk=thing.pk) if isinstance(thing, Template) else None
    return rows is not None and offers.to(user, rows).exists()


def _manages_template(user: User, thing: object) -> bool:
    return isinstance(thing, Template) and offers.is_his(user, thing)


def _himself(user: User, thing: object) -> bool:
    return isinstance(thing, User) and thing.pk == user.pk


def _his_own(user: User, thing: object) -> bool:
    if isinstance(thing, SshKey | ApiToken):
        return thing.user_id == user.pk
    return _himself(user, thing)


def _is_cd(_user: User, thing: object) -> bool:
    return isinstance(thing, Volume) and thing.is_iso and not thing.is_seed


def _may_fetch_urls(_user: User, _thing: object) -> bool:
    return bool(settings.KVMWEB.author_urls)


_OWN_ACCOUNT: dict[Action, Predicate] = {
    Action.ACCOUNT_EDIT: _his_own,
    Action.PASSWORD_CHANGE: _himself,
}
_USER: dict[Action, Predicate] = {
    **{action: _on_guest(least) for action, least in VM_NEEDS.items()},
    Action.VM_CREATE: _anyone,
    Action.VM_SHARE: _can_share,
    Action.SHARE_VIEW: _knows_share,
    Action.LINK_VIEW: _knows_link,
    Action.GROUP_VIEW: _is_member,
    Action.GROUP_ADD_MEMBERS: _manages_group,
    Action.TEMPLATE_VIEW: _sees_template,
    Action.IMAGE_VIEW: _is_cd,
    Action.RECORDING_VIEW: _owns_recorded,
    Action.RECORDING_DELETE: _owns_recorded,
    Action.JOB_VIEW: _sees_job,
    Action.JOB_CANCEL: _stops_job,
    Action.JOB_REPEAT: _stops_job,
    **_OWN_ACCOUNT,
}
_AUTHOR: dict[Action, Predicate] = {
    **_USER,
    Action.TEMPLATE_INSPECT: _manages_template,
    Action.TEMPLATE_CREATE: _anyone,
    Action.TEMPLATE_MANAGE: _manages_template,
    Action.IMAGE_VIEW: belongings.is_image_of,
    Action.IMAGE_ADD: _anyone,
    Action.IMAGE_FETCH_URL: _may_fetch_urls,
    Action.IMAGE_MANAGE: belongings.is_his,
    Action.VOLUME_DOWNLOAD: belongings.is_his,
    Action.NETWORK_VIEW: _anyone,
}
_LOOKING = READING - {Action.VOLUME_DOWNLOAD}
"""What an auditor may do, to whatever it is; of his own guests too he changes nothing, and what is
on a disk is not his to read."""
RULES: dict[str, dict[Action, Predicate]] = {
    Role.USER: _USER,
    Role.AUTHOR: _AUTHOR,
    Role.AUDITOR: {**dict.fromkeys(_LOOKING, _anyone), **_OWN_ACCOUNT},
}
"""What each role may do; an action that is not named is denied. An administrator may do all."""


SCOPES: dict[str, frozenset[Action]] = {
    TokenScope.READ: READING,
    TokenScope.POWER: READING | {Action.VM_POWER},
    TokenScope.ALL: frozenset(Action),
}
"""What a token of each scope lets its owner do of what he may."""


def _is_in_scope(token: ApiToken | None, action: Action) -> bool:
    return token is None or action in SCOPES.get(token.scope, frozenset())


def can(actor: Actor, action: Action, thing: object | None = None) -> bool:
    """Say whether `actor` may do `action` to `thing`; False whenever nothing allows it."""
    if isinstance(actor, SystemActor):
        return True
    if isinstance(actor, LinkGuest):
        return _link_lets(actor.link, action, thing)
    if not actor.user.is_active or not _is_in_scope(actor.token, action):
        return False
    if actor.user.role == Role.ADMINISTRATOR:
        return True
    rule = RULES.get(actor.user.role, {}).get(action)
    return rule is not None and rule(actor.user, thing)


def _link_lets(link: ConsoleLink, action: Action, thing: object) -> bool:
    """Let a link do what it says to its guest, while whoever made it may still share that."""
    allowed = {Action.VM_CONSOLE_VIEW, Action.VM_CONSOLE}
    if not link.has_control:
        allowed.discard(Action.VM_CONSOLE)
    if action not in allowed or not isinstance(thing, VM) or thing.pk != link.vm_id:
        return False
    return link.is_alive and can(Person(link.made_by), Action.VM_SHARE, thing)


Rows = QuerySet[Any]  # Any: rows of any model


def _jobs_of(user: User, rows: Rows) -> Rows:
    guests = VM.objects.order_by().filter(standing.seen_by(user)).values("pk")
    return rows.filter(Q(vm__isnull=True, actor=user) | Q(vm__in=guests))


def _recordings_of(user: User, rows: Rows) -> Rows:
    guests = VM.objects.order_by().filter(standing.owned_by(user)).values("pk")
    return rows.filter(vm__in=guests)


def _shares_of(user: User, rows: Rows) -> Rows:
    guests = VM.objects.order_by().filter(standing.shareable_by(user)).values("pk")
    return rows.filter(Q(user=user) | Q(vm__in=guests))


def _links_of(user: User, rows: Rows) -> Rows:
    return rows.filter(
        vm__in=VM.objects.order_by().filter(standing.shareable_by(user)).values("pk")
    )


def _groups_of(user: User, rows: Rows) -> Rows:
    return rows.filter(pk__in=Membership.objects.filter(user=user).order_by().values("group"))


def _members_of(user: User, rows: Rows) -> Rows:
    return rows.filter(group__in=Membership.objects.filter(user=user).order_by().values("group"))


def _own(user: User, rows: Rows) -> Rows:
    return rows.filter(user=user)


_ROWS: dict[type[Model], Callable[[User, Rows], Rows]] = {
    VM: lambda user, rows: rows.filter(standing.seen_by(user)),
    Template: offers.to,
    Volume: belongings.images_of,
    Upload: _own,
    Job: _jobs_of,
    Recording: _recordings_of,
    Share: _shares_of,
    ConsoleLink: _links_of,
    Group: _groups_of,
    Membership: _members_of,
    SshKey: _own,
    ApiToken: _own,
}
"""The rows that a user sees of each model; of one that is not named, none."""


def _rows_of(user: User, rows: Rows) -> Rows:
    rule, model = RULES.get(user.role, {}).get(VIEW_ACTIONS[rows.model]), rows.model
    if rule is None:
        return rows.none()
    if rule is _anyone:
        return rows
    return _ROWS[model](user, rows) if model in _ROWS else rows.none()


def visible(actor: Actor, rows: QuerySet[M]) -> QuerySet[M]:
    """Keep the rows that `actor` may see: the queryset twin of `can(…, view)`."""
    if isinstance(actor, SystemActor):
        return rows
    if isinstance(actor, LinkGuest):
        return rows.none()
    if not actor.user.is_active:
        return rows.none()
    if actor.user.role == Role.ADMINISTRATOR:
        return rows
    return _rows_of(actor.user, rows)


VIEW_ACTIONS: dict[type[Model], Action] = {
    VM: Action.VM_VIEW,
    Template: Action.TEMPLATE_VIEW,
    Volume: Action.IMAGE_VIEW,
    Upload: Action.IMAGE_MANAGE,
    Pool: Action.POOL_VIEW,
    Host: Action.HOST_VIEW,
    Network: Action.NETWORK_VIEW,
    Job: Action.JOB_VIEW,
    Recording: Action.RECORDING_VIEW,
    User: Action.PEOPLE_VIEW,
    Group: Action.GROUP_VIEW,
    Membership: Action.GROUP_VIEW,
    Share: Action.SHARE_VIEW,
    AuditEntry: Action.AUDIT_VIEW,
    ConsoleLink: Action.LINK_VIEW,
    SshKey: Action.ACCOUNT_EDIT,
    ApiToken: Action.ACCOUNT_EDIT,
}
"""The action that `visible()` of a model stands for; a test compares the two."""
