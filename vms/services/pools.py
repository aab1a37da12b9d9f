"""Storage pools: made by form or XML, started, stopped, looked into, deleted."""

from __future__ import annotations

import posixpath
import re
import uuid
from collections.abc import Callable

from django.db import IntegrityError, transaction

from vms import selectors
from vms.hypervisor import pools as libvirt_pools
from vms.hypervisor import storage, usage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import InvalidConfig, NameTaken
from vms.hypervisor.storage_types import PoolKind, PoolSpec
from vms.models import Host, Job, Pool, Volume
from vms.policy import Action, Actor, can
from vms.problems import Forbidden, Invalid, Problem, Refused
from vms.services import audit, hosts, job_kinds, jobs, names, survey, uses

WARN_PERCENT = 85
MAX_XML = 100_000
DELETE_KIND = "delete-pool"
MOUNTS = "/var/lib/libvirt/pools"
_NOT_HERE = ("/etc", "/proc", "/sys", "/dev", "/usr", "/bin", "/sbin", "/lib", "/boot", "/run")
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,253}[A-Za-z0-9])?\Z")


def create(*, actor: Actor, host_id: selectors.Identifier, spec: PoolSpec) -> Pool:
    """Define, build and start a pool; it starts with its host from then on.

    Raises Forbidden, Invalid with a problem per field, host errors; then nothing was kept.
    """
    host = _host(actor, host_id)
    spec = _completed(spec)
    if errors := _problems(spec):
        raise Invalid(errors)
    trail = audit.Trail(
        actor,
        "pool.create",
        audit.Target("pool", "", spec.name),
        command=f"virsh pool-define-as {spec.name} {spec.kind.value}",
        detail={"kind": spec.kind.value},
    )
    return _define(trail, host, lambda link: libvirt_pools.define(link, spec))


def create_from_xml(*, actor: Actor, host_id: selectors.Identifier, xml: str) -> Pool:
    """Define a pool of any kind that libvirt knows, and start it where that works.

    Raises Forbidden, Invalid("xml") with libvirt's own words.
    """
    host = _host(actor, host_id)
    if not xml.strip():
        raise Invalid({"xml": Problem("required")})
    if len(xml) > MAX_XML:
        raise Invalid({"xml": Problem("text-too-long", limit=MAX_XML)})
    target = audit.Target("pool", "", "XML")
    command = "virsh pool-define --validate pool.xml"
    trail = audit.Trail(actor, "pool.create", target, command=command)
    try:
        return _define(trail, host, lambda link: libvirt_pools.define_xml(link, xml))
    except InvalidConfig as error:
        raise Invalid({"xml": Problem("invalid-config", **error.params)}) from None
    except Invalid as problem:
        raise Invalid({"xml": next(iter(problem.fields.values()))}) from None


def _host(actor: Actor, host_id: selectors.Identifier) -> Host:
    if not can(actor, Action.POOL_MANAGE):
        raise Forbidden("forbidden", action=Action.POOL_MANAGE.value)
    host = selectors.host(actor, host_id)
    hosts.require_connected(host)
    return host


def _define(trail: audit.Trail, host: Host, define: Callable[[HostConnection], str]) -> Pool:
    with audit.audited(trail):
        try:
            made = define(hosts.connection(host))
        except NameTaken as error:
            raise Invalid({"name": Problem("pool-name-used", **error.params)}) from None
    survey.storage_of(host)
    return Pool.objects.get(host=host, pool_uuid=uuid.UUID(made))


def _completed(spec: PoolSpec) -> PoolSpec:
    """Fill in the mount point of a pool whose folder nobody needs to know."""
    if spec.kind not in (PoolKind.FS, PoolKind.NETFS) or spec.path:
        return spec
    slug = re.sub(r"[^\w.-]+", "-", spec.name.lower()).strip("-.") or "pool"
    return PoolSpec(
        spec.name,
        spec.kind,
        path=f"{MOUNTS}/{slug}",
        device=spec.device,
        server=spec.server,
        export=spec.export,
        group=spec.group,
        is_formatted=spec.is_formatted,
    )


def _problems(spec: PoolSpec) -> dict[str, Problem]:
    errors: dict[str, Problem] = {}
    if not spec.name:
        errors["name"] = Problem("required")
    elif problem := names.name_problem(spec.name):
        errors["name"] = problem
    for field, check in _CHECKS[spec.kind].items():
        if problem := check(getattr(spec, field)):
            errors[field] = problem
    if spec.kind is PoolKind.LOGICAL and (spec.is_formatted or spec.device):
        problem = _device_problem(spec.device)
        errors |= {"device": problem} if problem else {}
    return errors


def _folder_problem(path: str) -> Problem | None:
    if not path:
        return Problem("required")
    if names.has_control_characters(path) or len(path) > 1000:
        return Problem("path-rule")
    if not path.startswith("/") or posixpath.normpath(path) != path.rstrip("/") or path == "/":
        return Problem("path-rule")
    if any(path == root or path.startswith(f"{root}/") for root in _NOT_HERE):
        return Problem("path-of-system", path=path)
    return None


def _device_problem(path: str) -> Problem | None:
    if not path:
        return Problem("required")
    is_plain = posixpath.normpath(path) == path and not names.has_control_characters(path)
    return None if path.startswith("/dev/") and is_plain else Problem("device-rule")


def _export_problem(path: str) -> Problem | None:
    if not path:
        return Problem("required")
    is_plain = path.startswith("/") and not names.has_control_characters(path)
    return None if is_plain and len(path) <= 1000 else Problem("path-rule")


def _server_problem(server: str) -> Problem | None:
    if not server:
        return Problem("required")
    return None if _HOST_NAME.match(server) else Problem("server-rule")


def _group_problem(group: str) -> Problem | None:
    if not group:
        return Problem("required")
    is_reserved = group in {".", ".."}
    return None if names.LVM_NAME.match(group) and not is_reserved else Problem("group-rule")


_CHECKS: dict[PoolKind, dict[str, Callable[[str], Problem | None]]] = {
    PoolKind.DIR: {"path": _folder_problem},
    PoolKind.FS: {"device": _device_problem, "path": _folder_problem},
    PoolKind.NETFS: {
        "server": _server_problem,
        "export": _export_problem,
        "path": _folder_problem,
    },
    PoolKind.LOGICAL: {"group": _group_problem},
}


def start(*, actor: Actor, pool_id: selectors.Identifier) -> Pool:
    """Start a pool. Raises host errors, such as that its device or server is not there."""
    return _act(actor, pool_id, "start", libvirt_pools.start)


def stop(*, actor: Actor, pool_id: selectors.Identifier) -> Pool:
    """Stop a pool; its data stays, and guests that run from it run on."""
    return _act(actor, pool_id, "stop", libvirt_pools.stop)


def refresh(*, actor: Actor, pool_id: selectors.Identifier) -> Pool:
    """Let the host look into a pool anew, for files that were put there by hand."""
    return _act(actor, pool_id, "refresh", libvirt_pools.refresh)


def set_autostart(*, actor: Actor, pool_id: selectors.Identifier, is_on: bool) -> Pool:
    """Say whether a pool starts with its host."""
    return _act(
        actor,
        pool_id,
        "autostart",
        lambda link, name: libvirt_pools.set_autostart(link, name, is_on=is_on),
        flag="" if is_on else " --disable",
    )


_COMMANDS = {"stop": "destroy"}


def _act(
    actor: Actor,
    pool_id: selectors.Identifier,
    verb: str,
    act: Callable[[HostConnection, str], None],
    flag: str = "",
) -> Pool:
    pool = selectors.pool(actor, pool_id, Action.POOL_MANAGE)
    hosts.require_connected(pool.host)
    command = f"virsh pool-{_COMMANDS.get(verb, verb)} {pool.name}{flag}"
    with audit.audited(audit.Trail(actor, f"pool.{verb}", about(pool), command=command)):
        act(hosts.connection(pool.host), pool.name)
        survey.pool(pool.host, pool.name)
    pool.refresh_from_db()
    return pool


def about(pool: Pool) -> audit.Target:
    """Name a pool as the target of an action."""
    return audit.Target("pool", str(pool.pk), pool.name)


def forget(*, actor: Actor, pool_id: selectors.Identifier) -> None:
    """Stop a pool and let the host forget it; every file stays where it is."""
    pool = selectors.pool(actor, pool_id, Action.POOL_MANAGE)
    hosts.require_connected(pool.host)
    command = f"virsh pool-undefine {pool.name}"
    detail: dict[str, str | int | list[str]] = {"data": "kept"}
    trail = audit.Trail(actor, "pool.delete", about(pool), command=command, detail=detail)
    with audit.audited(trail):
        libvirt_pools.undefine(hosts.connection(pool.host), pool.name)
        survey.pool(pool.host, pool.name)


def delete_with_data(*, actor: Actor, pool_id: selectors.Identifier) -> Job:
    """Enqueue the deletion of a pool and of every volume in it.

    Raises Refused while anything outside of it needs one of them; then nothing was done.
    """
    pool = selectors.pool(actor, pool_id, Action.POOL_MANAGE)
    hosts.require_connected(pool.host)
    if not pool.is_active:
        raise Refused("pool-must-run", name=pool.name)
    survey.pool(pool.host, pool.name)
    _require_unneeded(pool)
    volumes = [volume.name for volume in pool.volumes.all()]
    trail = audit.Trail(
        actor,
        "pool.delete",
        about(pool),
        command=f"virsh pool-delete {pool.name}",
        detail={"deleted volumes": volumes},
    )
    new = jobs.NewJob(
        DELETE_KIND, None, {"volumes": volumes}, len(volumes) + 1, target=trail.target
    )
    try:
        with transaction.atomic():
            audit.requested(trail)
            return jobs.request(actor=actor, new=new, correlation=trail.correlation)
    except IntegrityError:
        raise Refused("job-on-target") from None


def _require_unneeded(pool: Pool) -> None:
    """Refuse while something outside of the pool needs one of its volumes."""
    everything = usage.look(hosts.connection(pool.host))
    volumes = list(Volume.objects.select_related("pool", "pool__host").filter(pool=pool))
    own = {volume.name for volume in volumes}
    for volume in volumes:
        found = uses.standing(volume, everything).uses
        uses.require_none(
            volume.name,
            [use for use in found if use.kind is not uses.UseKind.OVERLAY or use.name not in own],
        )


def _again(actor: Actor, job: Job) -> Job:
    return delete_with_data(actor=actor, pool_id=str(job.target_id))


@job_kinds.runs(DELETE_KIND, again=_again)
def run_delete(job: Job) -> None:
    """Delete the volumes that were named, then the pool; what was deleted before a stop is gone."""
    pool = Pool.objects.select_related("host").filter(pk=str(job.target_id)).first()
    if pool is None:
        return
    _require_unneeded(pool)
    link = hosts.connection(pool.host)
    for done, name in enumerate(job.params["volumes"]):
        jobs.step(job, "volumes", done)
        storage.delete_volume(link, pool=pool.name, name=name)
    jobs.advance(job, "pool", len(job.params["volumes"]))
    libvirt_pools.delete_with_data(link, pool.name)
    survey.pool(pool.host, pool.name)
