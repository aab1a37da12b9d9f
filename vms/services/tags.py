"""Tags: short words on guests, in the database and in the domain's metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from django.db import transaction
from django.db.models import F

from vms import finder, selectors
from vms.hypervisor import domains
from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.xml.parse import parse_metadata
from vms.live import publish
from vms.models import VM
from vms.policy import Action, Actor
from vms.problems import Invalid, Problem
from vms.services import audit, creation, hosts, names

log = structlog.get_logger(__name__)

MAX_TAGS = 10
MAX_LENGTH = 32
_Changed = Callable[[tuple[str, ...]], tuple[str, ...]]


def problem(tag: str) -> Problem | None:
    """Say what is wrong with a tag: one line, no commas, no quotes, not too long."""
    if not tag.strip():
        return Problem("tag-blank")
    if len(tag.strip()) > MAX_LENGTH:
        return Problem("tag-too-long", limit=MAX_LENGTH)
    if "," in tag or '"' in tag or names.has_control_characters(tag.strip()):
        return Problem("tag-rule", name=tag.strip())
    return None


def clean(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are kept: single spaces, each once whatever its case, in order.

    Raises Invalid("tags") for one that breaks the rules.
    """
    kept: dict[str, str] = {}
    for tag in tags:
        wrong = problem(tag)
        if wrong is not None:
            raise Invalid({"tags": wrong})
        bare = " ".join(tag.split())
        kept.setdefault(bare.casefold(), bare)
    return tuple(kept.values())


def replace(*, actor: Actor, vm_id: selectors.Identifier, tags: Iterable[str]) -> VM:
    """Give a guest exactly these tags. Raises Invalid("tags")."""
    wanted = clean(tags)
    return _change(actor, vm_id, lambda _before: wanted)


def change(
    *,
    actor: Actor,
    vm_id: selectors.Identifier,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> VM:
    """Add tags and take some away; what others changed meanwhile stays. Raises Invalid("tags")."""
    new, gone = clean(add), {tag.casefold() for tag in remove}

    def changed(before: tuple[str, ...]) -> tuple[str, ...]:
        return clean([*(tag for tag in before if tag.casefold() not in gone), *new])

    return _change(actor, vm_id, changed)


def suggestions(*, actor: Actor, vm: VM | None = None) -> tuple[str, ...]:
    """Give the tags of all guests that the actor may see, without those that `vm` has."""
    has = {tag.casefold() for tag in vm.tags} if vm else set()
    return tuple(tag for tag in finder.find(actor).tags if tag.casefold() not in has)


def _change(actor: Actor, vm_id: selectors.Identifier, changed: _Changed) -> VM:
    vm = selectors.vm(actor, vm_id, Action.VM_EDIT)
    with transaction.atomic():
        before = tuple(VM.objects.select_for_update().values_list("tags", flat=True).get(pk=vm.pk))
        after = changed(before)
        if after == before:
            return vm
        if len(after) > MAX_TAGS:
            raise Invalid({"tags": Problem("tag-too-many", limit=MAX_TAGS)})
        trail = audit.Trail(actor, "vm.tag", audit.about(vm), detail={"tags": list(after)})
        with audit.audited(trail):
            VM.objects.filter(pk=vm.pk).update(tags=list(after), revision=F("revision") + 1)
        vm.tags, vm.revision = list(after), vm.revision + 1
        transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    _write_to_host(vm)
    return vm


def _write_to_host(vm: VM) -> None:
    """Write the tags where a lost database finds them again; a host that is away gets them later,
    with the next thing that is written there.
    """
    if vm.is_creating or not vm.host.is_connected or parse_metadata(vm.xml) is None:
        return
    link = hosts.connection(vm.host)
    try:
        domains.set_metadata(link, str(vm.domain_uuid), creation.metadata(vm))
    except HypervisorError as error:
        log.warning("tags not written to the host", vm=str(vm.pk), code=error.code)
