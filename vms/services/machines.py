"""Ask for a new guest: propose, check every field, reserve its name and enqueue the making of
it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from django.db import IntegrityError, transaction
from django.utils import timezone

from vms import selectors
from vms.hypervisor.blueprint import CloudPlan
from vms.hypervisor.types import VmState
from vms.live import publish
from vms.models import VM, Job, Template, User
from vms.models.grant import CLOUD_FIELDS
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import (
    audit,
    cloud,
    creation,
    hosts,
    jobs,
    leases,
    names,
    quotas,
    rooms,
    template_access,
    templates,
)
from vms.services.cloud import AddressWish, CloudWish
from vms.services.rooms import CreateLimits
from vms.services.usage import Amounts

MAX_DESCRIPTION = 4000
_TRIES = 20
_UNSAID_IS_NONE = {"packages", "timezone", "locale", "user_data"}


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What a person asks for; None and "" mean the template's default.

    `password` is clear text: it is hashed before anything is stored.
    """

    template_id: selectors.Identifier
    name: str = ""
    vcpus: int | None = None
    memory_mib: int | None = None
    disk_bytes: int | None = None
    """Size of the first disk."""
    more_disk_bytes: tuple[int | None, ...] = ()
    """Sizes of the others, in the template's order."""
    user: str = ""
    password: str = field(default="", repr=False)
    ssh_keys: tuple[str, ...] = ()
    is_started: bool = True
    description: str = ""
    hostname: str = ""
    packages: tuple[str, ...] | None = None
    timezone: str | None = None
    locale: str | None = None
    addresses: tuple[AddressWish, ...] = ()
    """Of each interface in the template's order; those left out ask by DHCP."""
    user_data: str | None = None
    """More cloud-config; None means the template's."""
    network_name: str | None = None
    """One of those that the template offers for the first interface; None: the template's own."""

    def cloud(self, plan: CloudPlan) -> CloudWish:
        """Return what the guest is to be told, with the template's values for what is not said."""
        wish = CloudWish(
            hostname=self.hostname,
            user=self.user,
            password=self.password,
            ssh_keys=self.ssh_keys,
            packages=plan.packages if self.packages is None else self.packages,
            timezone=plan.timezone if self.timezone is None else self.timezone,
            locale=plan.locale if self.locale is None else self.locale,
            nics=self.addresses,
            user_data=plan.user_data if self.user_data is None else self.user_data,
        )
        return replace(wish, user=cloud.account(wish, plan.user))


@dataclass(frozen=True, slots=True)
class _Checked:
    """A request with every default filled in and every field valid."""

    request: CreateRequest
    template: Template
    vcpus: int
    memory_mib: int
    disk_sizes: list[int]
    cloud: CloudWish


def propose_name(*, actor: Actor, template: Template) -> str:
    """Propose a name for a guest from this template that the actor does not use yet."""
    return names.propose(template, _owner(actor))


def limits(*, actor: Actor, template: Template) -> CreateLimits:
    """Say how large a guest from this template can be. Raises Forbidden."""
    _authorize(actor)
    return rooms.of(template)


def create(*, actor: Actor, request: CreateRequest) -> tuple[VM, Job]:
    """Reserve a guest and enqueue its making.

    Raises Forbidden, or Invalid with a problem for each field that is wrong; then nothing was made.
    """
    _authorize(actor)
    request = replace(request, description=plain_lines(request.description))
    checked = _check(actor, request)
    hosts.require_connected(checked.template.host)
    for _try in range(_TRIES):
        name = request.name or propose_name(actor=actor, template=checked.template)
        try:
            return _reserve(actor, replace(checked, request=replace(request, name=name)))
        except IntegrityError:
            if request.name:
                break
    raise Invalid({"name": Problem("name-used", name=request.name)})


def _authorize(actor: Actor) -> None:
    if not can(actor, Action.VM_CREATE):
        raise Forbidden("forbidden", action=Action.VM_CREATE.value)


def _owner(actor: Actor) -> User | None:
    return actor.user if isinstance(actor, Person) else None


def _check(actor: Actor, request: CreateRequest) -> _Checked:
    try:
        template = selectors.template(actor, request.template_id)
    except NotFound:
        raise Invalid({"template": Problem("unknown-template")}) from None
    status = templates.status(template)
    if not status.is_valid:
        raise Invalid({"template": Problem("template-invalid", reason=status.reason)})
    disk_sizes, size_errors = rooms.sizes(
        rooms.limits(template, status.image), request.disk_bytes, request.more_disk_bytes
    )
    checked = _Checked(
        request,
        template,
        vcpus=template.vcpus if request.vcpus is None else request.vcpus,
        memory_mib=template.memory_mib if request.memory_mib is None else request.memory_mib,
        disk_sizes=disk_sizes,
        cloud=request.cloud(template.plan.cloud),
    )
    errors = {
        **_name_errors(actor, request),
        **templates.size_problems(template.host, checked.vcpus, checked.memory_mib),
        **size_errors,
        **_cloud_init_errors(checked),
        **_template_errors(checked),
    }
    if errors:
        raise Invalid(errors)
    return checked


def _differs(name: str, value: object, plan: CloudPlan) -> bool:
    """Say whether a cloud-init field was said, and is not what the template says anyway."""
    is_said = value is not None if name in _UNSAID_IS_NONE else bool(value)
    return is_said and value != getattr(plan, name, None)


def _template_errors(checked: _Checked) -> dict[str, Problem]:
    """Say what the template does not let people choose."""
    request, plan = checked.request, checked.template.plan.cloud
    said = {name: getattr(request, name) for name in CLOUD_FIELDS}
    return template_access.problems(
        template_access.limits_of(checked.template),
        sizes={
            "vcpus": checked.vcpus,
            "memory_mib": checked.memory_mib,
            "disk_bytes": sum(checked.disk_sizes),
        },
        network=request.network_name,
        told=[name for name, value in said.items() if _differs(name, value, plan)],
    )


def _name_errors(actor: Actor, request: CreateRequest) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if request.name:
        if problem := names.name_problem(request.name):
            errors["name"] = problem
        elif VM.objects.filter(owner=_owner(actor), name=request.name).exists():
            errors["name"] = Problem("name-used", name=request.name)
    return errors | description_errors(request.description)


def plain_lines(text: str) -> str:
    """Make every line end "\\n", as XML has them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def description_errors(description: str) -> dict[str, Problem]:
    """Check a description: what XML can carry, and its length."""
    if names.has_control_characters(description, allowed="\n\t"):
        return {"description": Problem("text-control")}
    if len(description) > MAX_DESCRIPTION:
        return {"description": Problem("text-too-long", limit=MAX_DESCRIPTION)}
    return {}


def _cloud_init_errors(checked: _Checked) -> dict[str, Problem]:
    request = checked.request
    if checked.template.has_cloud_init:
        # A name that is not used is checked all the same: it stays in the form.
        asked = replace(checked.cloud, user=request.user or checked.cloud.user)
        return cloud.problems(asked, for_windows=cloud.is_windows(checked.template))
    given = {
        "user": request.user,
        "password": request.password,
        "ssh_keys": request.ssh_keys,
        "hostname": request.hostname,
        "packages": request.packages,
        "timezone": request.timezone,
        "locale": request.locale,
        "user_data": request.user_data,
        "addresses": any(each != AddressWish() for each in request.addresses),
    }
    return {name: Problem("no-cloud-init") for name, value in given.items() if value}


def _reserve(actor: Actor, checked: _Checked) -> tuple[VM, Job]:
    request, template = checked.request, checked.template
    pk = uuid.uuid4()
    trail = audit.Trail(
        actor,
        Action.VM_CREATE.value,
        audit.Target("vm", str(pk), request.name),
        detail={
            "template": template.name,
            "vcpus": checked.vcpus,
            "memory_mib": checked.memory_mib,
        },
    )
    params = creation.Params(
        disk_sizes=checked.disk_sizes,
        is_started=request.is_started,
        network_name=request.network_name,
    )
    with _refusals_audited(trail), transaction.atomic():
        vm = VM.objects.create(
            pk=pk,
            domain_uuid=pk,
            host=template.host,
            name=request.name,
            owner=_owner(actor),
            template=template,
            template_name=template.name,
            template_number=template.number,
            description=request.description,
            vcpus=checked.vcpus,
            memory_mib=checked.memory_mib,
            disk_bytes=sum(checked.disk_sizes),
            state=VmState.OFF.value,
            is_creating=True,
            has_vnc=template.plan.hardware.has_screen,
        )
        if template.has_cloud_init:
            count = len(template.plan.nics)
            cloud.keep(vm, checked.cloud, cloud.new_macs(template.host, count))
        audit.requested(trail)
        undo = (("row", str(pk)),)
        new = jobs.NewJob(creation.KIND, vm, params.as_json(), creation.STEPS, undo)
        job = jobs.request(actor=actor, new=new, correlation=trail.correlation)
        leases.begin(vm, now=timezone.now())
        quotas.new_guest(actor=actor, vm=vm, wanted=_wanted(checked), job=job)
        transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    return vm, job


def _wanted(checked: _Checked) -> Amounts:
    return Amounts(
        guests=1,
        running=int(checked.request.is_started),
        vcpus=checked.vcpus,
        memory_mib=checked.memory_mib,
        disk_bytes=sum(checked.disk_sizes),
    )


@contextmanager
def _refusals_audited(trail: audit.Trail) -> Iterator[None]:
    """Write down what a quota refused: the transaction takes its own lines back."""
    try:
        yield
    except Invalid as problem:
        audit.refused(trail, problem)
        raise
