"""Who may do what: `can()` asks of one object, `visible()` gives the rows; both deny by default.

The only place that knows roles. It reads rows and never changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from vms.models import (
    VM,
    ApiToken,
    AuditEntry,
    Host,
    Job,
    Network,
    Pool,
    Role,
    SshKey,
    Template,
    User,
    Volume,
)
from vms.models.host import SEED_NAME

M = TypeVar("M", bound=Model)


class Door(StrEnum):
    """Through which door an actor came."""

    WEB = "web"
    API = "api"
    CONSOLE = "console"
    COMMAND = "command"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who logged in, and from where. `session_key` is "" for a bearer token."""

    user: User
    door: Door = Door.WEB
    address: str = ""
    session_key: str = ""
    token: ApiToken | None = field(default=None)

    @property
    def name(self) -> str:
        """The name that the audit trail shows."""
        return self.user.username

    @property
    def role(self) -> str:
        """The role that the audit trail shows."""
        return str(self.user.role)


@dataclass(frozen=True, slots=True)
class SystemActor:
    """kvmweb itself: the worker and the command line, never a request."""

    door: Door = Door.WORKER
    name: str = "kvmweb"
    role: str = "system"
    address: str = ""


Actor = Person | SystemActor


class Action(StrEnum):
    """Everything that is asked before it is done."""

    VM_VIEW = "vm.view"
    VM_CREATE = "vm.create"
    VM_POWER = "vm.power"
    VM_CONSOLE = "vm.console"
    VM_EDIT = "vm.edit"
    VM_MEDIA = "vm.media"
    VM_DELETE = "vm.delete"
    VM_SET_OWNER = "vm.set-owner"
    TEMPLATE_VIEW = "template.view"
    TEMPLATE_MANAGE = "template.manage"
    IMAGE_VIEW = "image.view"
    POOL_VIEW = "pool.view"
    HOST_VIEW = "host.view"
    NETWORK_VIEW = "network.view"
    JOB_VIEW = "job.view"
    JOB_CANCEL = "job.cancel"
    JOB_REPEAT = "job.repeat"
    PEOPLE_MANAGE = "people.manage"
    AUDIT_VIEW = "audit.view"
    ACCOUNT_EDIT = "account.edit"
    PASSWORD_CHANGE = "password.change"  # noqa: S105 - an action's name


Predicate = Callable[[User, Any], bool]  # Any: the object differs per action


def _anyone(_user: User, _thing: object) -> bool:
    return True


def _owns_vm(user: User, thing: object) -> bool:
    return isinstance(thing, VM) and thing.owner_id == user.pk


def _own_job(user: User, thing: object) -> bool:
    if not isinstance(thing, Job):
        return False
    return thing.actor_id == user.pk or (thing.vm is not None and thing.vm.owner_id == user.pk)


def _himself(user: User, thing: object) -> bool:
    return isinstance(thing, User) and thing.pk == user.pk


def _his_own(user: User, thing: object) -> bool:
    if isinstance(thing, SshKey | ApiToken):
        return thing.user_id == user.pk
    return _himself(user, thing)


def _image_for_users(_user: User, thing: object) -> bool:
    return isinstance(thing, Volume) and thing.is_iso and not thing.is_seed


USER_RULES: dict[Action, Predicate] = {
    Action.VM_VIEW: _owns_vm,
    Action.VM_CREATE: _anyone,
    Action.VM_POWER: _owns_vm,
    Action.VM_CONSOLE: _owns_vm,
    Action.VM_EDIT: _owns_vm,
    Action.VM_MEDIA: _owns_vm,
    Action.VM_DELETE: _owns_vm,
    Action.TEMPLATE_VIEW: _anyone,
    Action.IMAGE_VIEW: _image_for_users,
    Action.JOB_VIEW: _own_job,
    Action.JOB_CANCEL: _own_job,
    Action.JOB_REPEAT: _own_job,
    Action.ACCOUNT_EDIT: _his_own,
    Action.PASSWORD_CHANGE: _himself,
}
"""What a user may do; an action that is not named is denied. An administrator may do everything."""


def can(actor: Actor, action: Action, thing: object | None = None) -> bool:
    """Say whether `actor` may do `action` to `thing`; False whenever nothing allows it."""
    if isinstance(actor, SystemActor):
        return True
    if not actor.user.is_active:
        return False
    if actor.user.role == Role.ADMINISTRATOR:
        return True
    rule = USER_RULES.get(action)
    return rule is not None and rule(actor.user, thing)


def _rows_for_user(user: User, rows: QuerySet[Any]) -> QuerySet[Any]:  # Any: rows of any model
    model = rows.model
    if model is VM:
        return rows.filter(owner=user)
    if model is Template:
        return rows
    if model is Volume:
        return rows.filter(format="iso").exclude(name__regex=SEED_NAME)
    if model is Job:
        return rows.filter(actor=user) | rows.filter(vm__owner=user)
    if model is SshKey or model is ApiToken:
        return rows.filter(user=user)
    return rows.none()


def visible(actor: Actor, rows: QuerySet[M]) -> QuerySet[M]:
    """Keep the rows that `actor` may see: the queryset twin of `can(…, view)`."""
    if isinstance(actor, SystemActor):
        return rows
    if not actor.user.is_active:
        return rows.none()
    if actor.user.role == Role.ADMINISTRATOR:
        return rows
    return _rows_for_user(actor.user, rows)


VIEW_ACTIONS: dict[type[Model], Action] = {
    VM: Action.VM_VIEW,
    Template: Action.TEMPLATE_VIEW,
    Volume: Action.IMAGE_VIEW,
    Pool: Action.POOL_VIEW,
    Host: Action.HOST_VIEW,
    Network: Action.NETWORK_VIEW,
    Job: Action.JOB_VIEW,
    User: Action.PEOPLE_MANAGE,
    AuditEntry: Action.AUDIT_VIEW,
    SshKey: Action.ACCOUNT_EDIT,
    ApiToken: Action.ACCOUNT_EDIT,
}
"""The action that `visible()` of a model stands for; a test compares the two."""
