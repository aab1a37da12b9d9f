"""Give a guest to somebody, or take it away."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from vms import selectors
from vms.hypervisor import domains
from vms.hypervisor.errors import HypervisorError
from vms.live import publish
from vms.models import VM, User
from vms.policy import Action, Actor
from vms.problems import Invalid, Problem
from vms.services import audit, busy, creation, hosts, sharing


def set_owner(
    *, actor: Actor, vm_id: selectors.Identifier, owner_id: selectors.Identifier | None
) -> VM:
    """Set or clear the owner, in the database and in the domain's metadata.

    Raises Forbidden, Invalid("owner"): unknown person, or one who has a guest of that name already;
    and host errors: then the owner is who it was.
    """
    vm = selectors.vm(actor, vm_id, Action.VM_SET_OWNER)
    busy.require_free(vm)
    owner = _person(owner_id)
    if owner == vm.owner:
        return vm
    before, name = vm.owner, owner.username if owner else ""
    trail = audit.Trail(actor, Action.VM_SET_OWNER.value, audit.about(vm), detail={"owner": name})
    with audit.audited(trail):
        _store(vm, owner)
        uuid = str(vm.domain_uuid)
        try:
            domains.set_metadata(hosts.connection(vm.host), uuid, creation.metadata(vm))
        except HypervisorError:
            _store(vm, before)
            raise
    return vm


def _person(owner_id: selectors.Identifier | None) -> User | None:
    if owner_id is None or owner_id == "":
        return None
    owner = User.objects.filter(pk=owner_id, is_active=True).first()
    if owner is None:
        raise Invalid({"owner": Problem("unknown-owner")})
    return owner


def _store(vm: VM, owner: User | None) -> None:
    before = vm.owner
    vm.owner, vm.revision = owner, vm.revision + 1
    try:
        with transaction.atomic():
            vm.save(update_fields=["owner", "revision"])
            sharing.drop_of_owner(vm, owner)
            for person in filter(None, (before, owner)):
                _announce_rights(str(person.pk))
            transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    except IntegrityError:
        raise Invalid({"owner": Problem("name-used", name=vm.name)}) from None


def _announce_rights(user_id: str) -> None:
    transaction.on_commit(lambda: publish.rights_changed(user_id))
