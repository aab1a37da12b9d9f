"""Share a guest with a person or a group, at a role; change that, or take it back.

What changes here counts from the next request on, in open pages and consoles within seconds.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from vms import circles, selectors
from vms.live import publish
from vms.models import VM, Group, Share, User, VmRole
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, groups, notices


def share_with_person(
    *, actor: Actor, vm_id: selectors.Identifier, username: str, role: str
) -> Share:
    """Share a guest with a person by the exact user name.

    Raises NotFound, Forbidden, Invalid (username, role).
    """
    vm = selectors.vm(actor, vm_id, Action.VM_SHARE)
    wanted = _role(role)
    user = groups.find_person(username)
    if user.pk == vm.owner_id:
        raise Invalid({"username": Problem("is-owner", name=user.username)})
    try:
        return _store(actor, Share(vm=vm, user=user, role=wanted))
    except IntegrityError:
        problem = Problem("shared-already", name=user.username)
        raise Invalid({"username": problem}) from None


def share_with_group(
    *, actor: Actor, vm_id: selectors.Identifier, group_id: selectors.Identifier, role: str
) -> Share:
    """Share a guest with a group that the actor is in, or of all for who looks after people.

    Raises NotFound, Forbidden, Invalid (group, role).
    """
    vm = selectors.vm(actor, vm_id, Action.VM_SHARE)
    wanted = _role(role)
    try:
        group = circles.group(actor, group_id)
        return _store(actor, Share(vm=vm, group=group, role=wanted))
    except NotFound:
        raise Invalid({"group": Problem("unknown-group")}) from None
    except IntegrityError:
        raise Invalid({"group": Problem("shared-already", name=group.name)}) from None


def change_role(
    *,
    actor: Actor,
    vm_id: selectors.Identifier,
    share_id: selectors.Identifier,
    role: str,
) -> Share:
    """Share at another role. Raises NotFound, Forbidden, Invalid("role")."""
    vm = selectors.vm(actor, vm_id, Action.VM_SHARE)
    share = circles.share(actor, vm, share_id)
    share.role = _role(role)
    with transaction.atomic(), audit.audited(_trail(actor, "vm.share-role", share)):
        if not Share.objects.filter(pk=share.pk).update(role=share.role):
            raise NotFound("share")
        _announce(share)
    return share


def revoke(*, actor: Actor, vm_id: selectors.Identifier, share_id: selectors.Identifier) -> None:
    """Take a share back; whoever has one of his own may also leave. Raises NotFound, Forbidden."""
    vm = selectors.vm(actor, vm_id)
    share = circles.share(actor, vm, share_id)
    is_own = isinstance(actor, Person) and share.user_id == actor.user.pk
    if not is_own and not can(actor, Action.VM_SHARE, vm):
        raise Forbidden("forbidden", action=Action.VM_SHARE.value)
    with transaction.atomic(), audit.audited(_trail(actor, "vm.unshare", share)):
        if not Share.objects.filter(pk=share.pk).delete()[0]:
            raise NotFound("share")
        _announce(share)


def drop_of_owner(vm: VM, owner: User | None) -> None:
    """Forget the share of who owns the guest from now on; call inside a transaction."""
    if owner is not None:
        Share.objects.filter(vm=vm, user=owner).delete()


def _role(role: str) -> VmRole:
    try:
        return VmRole(role)
    except ValueError:
        raise Invalid({"role": Problem("role-unknown")}) from None


def _store(actor: Actor, share: Share) -> Share:
    share.created_by = actor.user if isinstance(actor, Person) else None
    with transaction.atomic(), audit.audited(_trail(actor, Action.VM_SHARE.value, share)):
        if share.group and not Group.objects.filter(pk=share.group.pk).exists():
            raise NotFound("group")  # deleted a moment ago: a foreign key is checked at the end
        share.save(force_insert=True)
        _announce(share)
        _tell(actor, share)
    return share


def _tell(actor: Actor, share: Share) -> None:
    """Tell those with whom it is shared, but not who did it or owns the guest anyway."""
    params = {
        "by": actor.name,
        "name": share.vm.name,
        "role": share.role,
        "vm": str(share.vm.pk),
    }
    if share.user:
        people = User.objects.filter(pk=share.user.pk)
    else:
        people = User.objects.filter(memberships__group=share.group)
    himself = actor.user.pk if isinstance(actor, Person) else None
    for user in people.filter(is_active=True).exclude(pk__in=[himself, share.vm.owner_id]):
        notices.tell(user=user, kind=notices.SHARED, params=params)


def _trail(actor: Actor, action: str, share: Share) -> audit.Trail:
    kind = "person" if share.user else "group"
    detail: dict[str, str | int | list[str]] = {kind: share.name, "role": str(share.role)}
    return audit.Trail(actor, action, audit.about(share.vm), detail=detail)


def _announce(share: Share) -> None:
    """Tell the people whose rights changed, and the pages that show the guest."""
    vm = share.vm
    if share.group is not None:
        people = list(share.group.memberships.values_list("user", flat=True))
    else:
        people = [share.user_id] if share.user_id else []
    revision = vm.revision + 1
    VM.objects.filter(pk=vm.pk).update(revision=revision)

    def tell() -> None:
        for user_id in people:
            publish.rights_changed(str(user_id))
        publish.vm_changed(str(vm.pk), revision)

    transaction.on_commit(tell)
