"""Guests: list, make, look at, change, power, delete."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router, Status

from vms import finder, selectors
from vms.api import represent
from vms.api.auth import actor_of
from vms.api.inputs import (
    BulkRequest,
    DeleteChoice,
    DiskGrow,
    OwnerChange,
    VmChange,
    VmFilter,
)
from vms.api.machines import VmCreate
from vms.api.once import MATCH, ONCE, once, require_match, tag, tag_of
from vms.api.paging import page
from vms.api.schemas.guests import BulkResult, DeletableDiskInfo, Vm, VmPage, VmWithJob
from vms.api.schemas.jobs import JobInfo
from vms.api.schemas.storage import GuestDiskInfo
from vms.hypervisor.types import Verb
from vms.models import VM
from vms.policy import Action, Person
from vms.problems import Invalid, Problem
from vms.services import bulk, deletion, disks, editing, machines, ownership, power, tags
from vms.services.bulk import BulkVerb

router = Router(tags=["vms"])


def show(actor: Person, vm_id: UUID) -> Vm:
    """Represent one guest as it is now. Raises NotFound."""
    domain = editing.details(actor=actor, vm_id=vm_id)
    return represent.vm_detail(selectors.vm(actor, vm_id), domain, actor)


def _matching(rows: QuerySet[VM], wanted: VmFilter) -> QuerySet[VM]:
    if wanted.state:
        rows = rows.filter(state=wanted.state.value)
    if wanted.owner:
        rows = rows.filter(_named("owner", "owner__username", wanted.owner))
    if wanted.template:
        rows = rows.filter(_named("template", "template_name", wanted.template))
    return rows


def _named(relation: str, name_column: str, wanted: str) -> Q:
    """Match a relation by id where the text is one, by name otherwise."""
    try:
        return Q(**{f"{relation}_id": UUID(wanted)})
    except ValueError:
        return Q(**{name_column: wanted})


@router.get("", response=VmPage, operation_id="list_vms", summary="List guests")
def list_vms(request: HttpRequest, wanted: Query[VmFilter]) -> VmPage:
    """List the guests you may see. Numbers are the latest known; no host is asked."""
    actor = actor_of(request)
    rows = _matching(selectors.vms(actor), wanted)
    if not wanted.q and wanted.sort == finder.SortKey.NAME:
        return page(VmPage, rows, wanted, represent.vm_list(actor))
    order = finder.Order.read(wanted.sort)
    if order is None:
        raise Invalid({"sort": Problem("sort-unknown", choices=", ".join(finder.SortKey))})
    found = finder.find(actor, wanted.q, order)
    for problem in found.search.problems:
        raise Invalid({"q": problem})
    return _found_page(actor, found, rows, wanted)


def _found_page(actor: Person, found: finder.Found, rows: QuerySet[VM], wanted: VmFilter) -> VmPage:
    """Cut what was found, among `rows`, in its own order."""
    among = {str(pk) for pk in rows.order_by().values_list("pk", flat=True)}
    ids = [pk for pk in found.ids if pk in among]
    chosen = ids[wanted.offset : wanted.offset + wanted.limit]
    guests = {str(vm.pk): vm for vm in rows.filter(pk__in=chosen)}
    return VmPage(
        total=len(ids),
        limit=wanted.limit,
        offset=wanted.offset,
        items=represent.vm_list(actor)([guests[pk] for pk in chosen if pk in guests]),
    )


@router.post(
    "/actions/{verb}",
    response=list[BulkResult],
    operation_id="act_on_vms",
    summary="Do one thing to many guests",
)
def act_on_vms(request: HttpRequest, verb: BulkVerb, data: BulkRequest) -> list[BulkResult]:
    """Do a verb to each guest in turn, with a result for each; some may fail where others do not.

    After 25 seconds no further guest is begun: those are "not-tried".
    """
    wish = bulk.Wish(verb, tags=tuple(data.tags), has_disks=data.has_disks)
    ids = [str(pk) for pk in data.ids]
    results = bulk.perform(actor=actor_of(request), vm_ids=ids, wish=wish)
    return [represent.bulk_result(result) for result in results]


@router.post(
    "",
    response={202: VmWithJob},
    operation_id="create_vm",
    summary="Make a guest",
    openapi_extra=ONCE,
)
def create_vm(request: HttpRequest, data: VmCreate, response: HttpResponse) -> Status[VmWithJob]:
    """Make a guest from a template. It is there at once, and its job makes the rest.

    With an `Idempotency-Key` it is made once, however often the request is sent within a day.
    """
    return once(request, response, VmWithJob, lambda: _create(actor_of(request), data))


def _create(actor: Person, data: VmCreate) -> tuple[int, VmWithJob, str]:
    wanted = machines.CreateRequest(
        template_id=data.template_id,
        name=data.name,
        description=data.description,
        vcpus=data.vcpus,
        memory_mib=data.memory_mib,
        disk_bytes=data.disk_bytes,
        user=data.user,
        password=data.password.get_secret_value(),
        ssh_keys=tuple(data.ssh_keys),
        more_disk_bytes=tuple(data.more_disk_bytes),
        hostname=data.hostname,
        packages=None if data.packages is None else tuple(data.packages),
        timezone=data.timezone,
        locale=data.locale,
        addresses=tuple(nic.wish() for nic in data.addresses),
        user_data=data.user_data,
        is_started=data.is_started,
        network_name=data.network_name,
    )
    vm, job = machines.create(actor=actor, request=wanted)
    location = reverse("api:get_job", kwargs={"job_id": job.pk})
    return 202, VmWithJob(vm=show(actor, vm.pk), job=represent.job(job)), location


@router.get("/{vm_id}", response=Vm, operation_id="get_vm", summary="Look at a guest")
def get_vm(request: HttpRequest, vm_id: UUID, response: HttpResponse) -> Vm:
    """Show a guest with its devices. The header ETag names what was shown."""
    return _tagged(show(actor_of(request), vm_id), response)


def _tagged(vm: Vm, response: HttpResponse) -> Vm:
    response["ETag"] = tag(vm.revision)
    return vm


def require_same(request: HttpRequest, actor: Person, vm_id: UUID, action: Action) -> None:
    """Refuse an edit of a guest that is another than the client read (If-Match)."""
    require_match(request, lambda: tag(selectors.vm(actor, vm_id, action).revision))


def show_tagged(actor: Person, vm_id: UUID, response: HttpResponse) -> Vm:
    """Represent one guest as it is now, with its ETag."""
    return _tagged(show(actor, vm_id), response)


@router.patch(
    "/{vm_id}",
    response=Vm,
    operation_id="change_vm",
    summary="Change a guest",
    openapi_extra=MATCH,
)
def change_vm(request: HttpRequest, vm_id: UUID, data: VmChange, response: HttpResponse) -> Vm:
    """Change description and tags at any time; name, vCPUs, memory, boot order while it is off.

    With `If-Match` nothing is changed (412) where the guest is no longer what its ETag said.
    """
    actor = actor_of(request)
    require_same(request, actor, vm_id, Action.VM_EDIT)
    config = data.model_dump(include={"name", "vcpus", "memory_mib"}, exclude_none=True)
    if data.boot is not None:
        config["boot"] = tuple(data.boot)
    editing.check(actor=actor, vm_id=vm_id, description=data.description, **config)
    if data.tags is not None:
        tags.replace(actor=actor, vm_id=vm_id, tags=data.tags)
    if config:
        editing.change_config(actor=actor, vm_id=vm_id, **config)
    if data.description is not None:
        editing.set_description(actor=actor, vm_id=vm_id, description=data.description)
    return show_tagged(actor, vm_id, response)


@router.delete(
    "/{vm_id}", response={202: JobInfo}, operation_id="delete_vm", summary="Delete a guest"
)
def delete_vm(
    request: HttpRequest, vm_id: UUID, choice: Query[DeleteChoice], response: HttpResponse
) -> Status[JobInfo]:
    """Delete a guest, powered off if need be. A disk stays unless it is named in `delete_disk`."""
    job = deletion.delete(
        actor=actor_of(request), vm_id=vm_id, delete_disks=frozenset(choice.delete_disk)
    )
    response["Location"] = reverse("api:get_job", kwargs={"job_id": job.pk})
    return Status(202, represent.job(job))


@router.get(
    "/{vm_id}/disks",
    response=list[DeletableDiskInfo],
    operation_id="list_vm_disks",
    summary="List what may be deleted with a guest",
)
def list_vm_disks(request: HttpRequest, vm_id: UUID) -> list[DeletableDiskInfo]:
    """Say of each disk whether its file may be deleted with the guest, and why not."""
    found = deletion.disks(actor=actor_of(request), vm_id=vm_id)
    return [represent.deletable(disk) for disk in found]


@router.get(
    "/{vm_id}/disk-sizes",
    response=list[GuestDiskInfo],
    operation_id="list_vm_disk_sizes",
    summary="List the disks of a guest with their sizes",
)
def list_vm_disk_sizes(
    request: HttpRequest, vm_id: UUID, response: HttpResponse
) -> list[GuestDiskInfo]:
    """Show each disk, its volume, how large it is and how much of it is used."""
    found = disks.of_guest(actor=actor_of(request), vm_id=vm_id)
    response["ETag"] = _sizes(found)
    return [represent.guest_disk(disk) for disk in found]


def _sizes(found: Sequence[disks.GuestDisk]) -> str:
    return tag_of([(disk.target, disk.name, disk.capacity_bytes) for disk in found])


@router.put(
    "/{vm_id}/disk-sizes/{target}",
    response=list[GuestDiskInfo],
    operation_id="grow_vm_disk",
    summary="Grow a disk",
    openapi_extra=MATCH,
)
def grow_vm_disk(
    request: HttpRequest, vm_id: UUID, target: str, data: DiskGrow, response: HttpResponse
) -> list[GuestDiskInfo]:
    """Make a disk larger; a guest that runs sees it at once."""
    actor = actor_of(request)
    require_match(request, lambda: _sizes(disks.of_guest(actor=actor, vm_id=vm_id)))
    disks.grow(actor=actor, vm_id=vm_id, target=target, capacity_bytes=data.capacity_bytes)
    return list_vm_disk_sizes(request, vm_id, response)


@router.post(
    "/{vm_id}/actions/{verb}",
    response={200: Vm, 202: Vm},
    operation_id="power_vm",
    summary="Start, shut down, pause ...",
)
def power_vm(request: HttpRequest, vm_id: UUID, verb: Verb) -> Status[Vm]:
    """Do a power verb. 202 says that the host has not answered within the time limit."""
    actor = actor_of(request)
    outcome = power.perform(actor=actor, vm_id=vm_id, verb=verb)
    return Status(202 if outcome.is_still_running else 200, show(actor, vm_id))


@router.put(
    "/{vm_id}/owner",
    response=Vm,
    operation_id="set_vm_owner",
    summary="Give a guest away",
    openapi_extra=MATCH,
)
def set_vm_owner(
    request: HttpRequest, vm_id: UUID, data: OwnerChange, response: HttpResponse
) -> Vm:
    """Give a guest an owner, or take him away. For administrators."""
    actor = actor_of(request)
    require_same(request, actor, vm_id, Action.VM_SET_OWNER)
    ownership.set_owner(actor=actor, vm_id=vm_id, owner_id=data.owner_id)
    return show_tagged(actor, vm_id, response)
