"""Ask for a new guest: propose, check every field, reserve its name and enqueue the making of
it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from django.db import IntegrityError, transaction

from vms import selectors
from vms.hypervisor import cloudinit
from vms.hypervisor.types import VmState
from vms.live import publish
from vms.models import VM, Job, Template, User
from vms.policy import Action, Actor, Person, can
from vms.problems import Forbidden, Invalid, NotFound, Problem
from vms.services import audit, creation, hosts, jobs, names, rooms, ssh_keys, templates
from vms.services.rooms import CreateLimits

MIN_PASSWORD = 8
MAX_DESCRIPTION = 4000
_TRIES = 20


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


@dataclass(frozen=True, slots=True)
class _Checked:
    """A request with every default filled in and every field valid."""

    request: CreateRequest
    template: Template
    vcpus: int
    memory_mib: int
    disk_sizes: list[int]
    user: str


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
    password_hash = cloudinit.hash_password(request.password) if request.password else ""
    for _try in range(_TRIES):
        name = request.name or propose_name(actor=actor, template=checked.template)
        try:
            return _reserve(
                actor, replace(checked, request=replace(request, name=name)), password_hash
            )
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
        user=_login(template, request),
    )
    errors = {
        **_name_errors(actor, request),
        **templates.size_problems(template.host, checked.vcpus, checked.memory_mib),
        **size_errors,
        **_cloud_init_errors(checked),
    }
    if errors:
        raise Invalid(errors)
    return checked


def _login(template: Template, request: CreateRequest) -> str:
    """The account that cloud-init makes: none without a way to log in to it (ADR 3)."""
    if not (request.password or request.ssh_keys):
        return ""
    return request.user or template.default_user


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
    request, errors = checked.request, {}
    if not checked.template.has_cloud_init:
        given = {"user": request.user, "password": request.password, "ssh_keys": request.ssh_keys}
        return {name: Problem("no-cloud-init") for name, value in given.items() if value}
    if problem := names.user_problem(request.user or checked.user):
        errors["user"] = problem
    if (request.password or request.ssh_keys) and not checked.user:
        errors["user"] = Problem("user-needed")
    if request.password and names.has_control_characters(request.password):
        errors["password"] = Problem("password-control")
    elif 0 < len(request.password) < MIN_PASSWORD:
        errors["password"] = Problem("password-too-short", limit=MIN_PASSWORD)
    try:
        ssh_keys.parse("\n".join(request.ssh_keys))
    except Problem as problem:
        errors["ssh_keys"] = problem
    return errors


def _reserve(actor: Actor, checked: _Checked, password_hash: str) -> tuple[VM, Job]:
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
        user=checked.user,
        password_hash=password_hash,
        ssh_keys=list(ssh_keys.parse("\n".join(request.ssh_keys))),
        is_started=request.is_started,
    )
    with transaction.atomic():
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
            state=VmState.OFF.value,
            is_creating=True,
            has_vnc=template.plan.hardware.has_screen,
        )
        audit.requested(trail)
        undo = (("row", str(pk)),)
        new = jobs.NewJob(creation.KIND, vm, params.as_json(), creation.STEPS, undo)
        job = jobs.request(actor=actor, new=new, correlation=trail.correlation)
        transaction.on_commit(lambda: publish.vm_changed(str(vm.pk), vm.revision))
    return vm, job
