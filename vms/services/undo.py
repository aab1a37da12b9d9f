"""Remove what a job that did not end well had made. Each thing was noted before it was made."""

from __future__ import annotations

import structlog
from django.db import transaction

from vms.hypervisor import domains, storage
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.errors import DomainNotFound, HypervisorError, PoolNotFound
from vms.live import publish
from vms.models import VM, Host, Job, Volume
from vms.services import hosts, job_kinds
from vms.services.job_kinds import undoes

log = structlog.get_logger(__name__)


def clean_up(job: Job) -> None:
    """Undo the noted things, last first; what fails stays noted and is tried again later."""
    left = list(job.undo)
    while left:
        try:
            _undo_one(left[-1])
        except HypervisorError as error:
            log.warning("clean-up has to wait", job=str(job.pk), code=error.code)
            break
        left.pop()
        job.undo = left
        job.save(update_fields=["undo"])


def _undo_one(note: list[str]) -> None:
    kind, *values = note
    job_kinds.undoer(kind)(*values)


@undoes("volume")
def _delete_volume(host_id: str, pool: str, name: str) -> None:
    host = connection_of(host_id)
    if host is None:
        return
    try:
        storage.delete_volume(host, pool=pool, name=name)
    except PoolNotFound:
        log.warning("the pool of a half-made volume is gone", pool=pool, volume=name)


@undoes("domain")
def _remove_domain(host_id: str, uuid: str) -> None:
    host = connection_of(host_id)
    if host is not None:
        domains.destroy_if_active(host, uuid)
        domains.undefine(host, uuid)


@undoes("orphan")
def _delete_unless_defined(host_id: str, uuid: str, pool: str, name: str) -> None:
    """Delete a disk of a deleted guest; while a guest has it, this one or another, it stays."""
    host = connection_of(host_id)
    if host is None:
        return
    try:
        domains.get(host, uuid)
    except DomainNotFound:
        if not _is_used_by_another(uuid, pool, name):
            _delete_volume(host_id, pool, name)


def _is_used_by_another(uuid: str, pool: str, name: str) -> bool:
    """Say whether a guest that was last seen with that volume is not the one of `uuid`."""
    paths = set(Volume.objects.filter(pool__name=pool, name=name).values_list("path", flat=True))
    others = VM.objects.exclude(domain_uuid=uuid).values_list("disk_paths", flat=True)
    return any(not paths.isdisjoint(each) for each in others)


def connection_of(host_id: str) -> HostConnection | None:
    """Return the connection of a noted host; None when the host itself is no longer known."""
    row = Host.objects.filter(pk=host_id).first()
    return hosts.connection(row) if row else None


@undoes("row")
def _drop_row(vm_id: str) -> None:
    with transaction.atomic():
        deleted, _kinds = VM.objects.filter(pk=vm_id, is_creating=True).delete()
        if deleted:
            transaction.on_commit(lambda: publish.vm_gone(vm_id))
