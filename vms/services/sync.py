"""How the worker, as the system itself, writes what it saw on a host; nobody else writes that.

Functions take what was read and talk to no host. Each is one transaction; pages are told on commit.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from vms.hypervisor.errors import HypervisorError
from vms.hypervisor.types import ACTIVE_STATES, Address, DomainRecord, HostFacts, VmState
from vms.live import publish
from vms.models import VM, Host, HostStatus, Job, Lease
from vms.models.job import OPEN_STATES
from vms.services.addresses import best_first
from vms.services.seen import (
    KVMWEB_FIELDS,
    STATE_FIELDS,
    XML_FIELDS,
    Adoption,
    FreeNames,
    Seen,
    apply,
    follow_rename,
    read,
)
from vms.services.sync_storage import (
    before_listing,
    measure_disks,
    observe_networks,
    observe_pools,
)

__all__ = [
    "KnownVm",
    "before_listing",
    "drop",
    "expect_libvirt_name",
    "forget_domain",
    "host_answers",
    "host_away",
    "known_vms",
    "observe_addresses",
    "observe_domain",
    "observe_domains",
    "observe_host",
    "observe_networks",
    "observe_pools",
]

log = structlog.get_logger(__name__)
BATCH = 200


@dataclass(frozen=True, slots=True)
class KnownVm:
    """What the worker needs to know of a row."""

    vm_id: str
    state: VmState

    @property
    def is_active(self) -> bool:
        """True while it has a process on the host."""
        return self.state in ACTIVE_STATES


def known_vms(host: Host) -> dict[str, KnownVm]:
    """Return the host's rows by domain UUID: one query, two columns."""
    rows = VM.objects.filter(host=host).values_list("domain_uuid", "pk", "state")
    return {str(domain): KnownVm(str(pk), VmState(state)) for domain, pk, state in rows}


def observe_host(host: Host, facts: HostFacts) -> None:
    """Write that the host answers and what it is."""
    values = json.loads(json.dumps(asdict(facts)))  # as the row will give them back
    with transaction.atomic():
        row = Host.objects.select_for_update().get(pk=host.pk)
        is_new = row.status != HostStatus.CONNECTED
        if not is_new and row.facts == values:
            return
        if is_new:
            row.status, row.status_since = HostStatus.CONNECTED, timezone.now()
        row.status_code = row.status_detail = ""
        row.facts = values
        row.save(update_fields=["status", "status_since", "status_code", "status_detail", "facts"])
        if is_new:
            log.info("host-connected", host=row.name)
        transaction.on_commit(lambda: publish.host_changed(str(host.pk)))


def host_answers(host: Host) -> None:
    """Write that a host is back that was away; one never known before waits for its facts."""
    with transaction.atomic():
        back = Host.objects.filter(pk=host.pk, status=HostStatus.AWAY).exclude(facts={})
        if back.update(
            status=HostStatus.CONNECTED,
            status_since=timezone.now(),
            status_code="",
            status_detail="",
        ):
            log.info("host-connected", host=host.name)
            transaction.on_commit(lambda: publish.host_changed(str(host.pk)))


def host_away(host: Host, error: HypervisorError) -> None:
    """Write that the host does not answer, since when and why; its guests stay as last seen."""
    detail = str(error.params.get("reason") or error.params.get("detail") or "")[:500]
    known = {"status": HostStatus.AWAY, "status_code": error.code, "status_detail": detail}
    if Host.objects.filter(pk=host.pk, **known).exists():
        return  # asked without a lock, since a host that is away says so with every tick
    with transaction.atomic():
        row = Host.objects.select_for_update().filter(pk=host.pk).first()
        if row is None:
            return
        if row.status != HostStatus.AWAY:
            log.warning("host-away", host=row.name, code=error.code, reason=detail)
            row.status, row.status_since = HostStatus.AWAY, timezone.now()
        row.status_code, row.status_detail = error.code, detail
        row.save(update_fields=["status", "status_since", "status_code", "status_detail"])
        transaction.on_commit(lambda: publish.host_changed(str(host.pk)))


def observe_domains(
    host: Host, records: Iterable[DomainRecord], *, except_for: Collection[str] = ()
) -> None:
    """Make the rows of a host equal to a full listing: new ones made, gone ones deleted.

    Domains of the UUIDs in `except_for` are left alone: there was later news about them.
    The number of queries does not depend on the number of domains where nothing changed.
    """
    known_xml = {
        str(domain): xml
        for domain, xml in VM.objects.filter(host=host).values_list("domain_uuid", "xml")
    }
    seen = {
        record.uuid: read(record, known_xml.get(record.uuid))
        for record in records
        if record.uuid not in except_for
    }
    del known_xml
    with transaction.atomic():
        rows = _rows(host)
        _write(host, rows, seen)
        missing = [
            row for domain, row in rows.items() if domain not in seen and domain not in except_for
        ]
        if missing:
            _delete(missing)


def observe_domain(host: Host, record: DomainRecord) -> None:
    """Write one domain as just read."""
    known = VM.objects.filter(host=host, domain_uuid=record.uuid).values_list("xml", flat=True)
    seen = read(record, known.first())
    with transaction.atomic():
        _write(host, _rows(host, record.uuid), {record.uuid: seen})


def forget_domain(host: Host, domain_uuid: str) -> None:
    """Delete the row of a domain that is no longer on the host, unless a job has it."""
    with transaction.atomic():
        _delete(list(_rows(host, domain_uuid).values()))


def expect_libvirt_name(vm: VM, libvirt_name: str) -> None:
    """Note the name that kvmweb itself is about to give the domain, so that it is no news later."""
    VM.objects.filter(pk=vm.pk).update(libvirt_name=libvirt_name)


def drop(vm_id: uuid.UUID) -> None:
    """Delete the row of a guest that a job has just removed from its host."""
    with transaction.atomic():
        VM.objects.filter(pk=vm_id).delete()
        transaction.on_commit(lambda: publish.vm_gone(str(vm_id)))


def _rows(host: Host, *uuids: str) -> dict[str, VM]:
    rows = VM.objects.filter(host=host).defer("xml")
    if uuids:
        rows = rows.filter(domain_uuid__in=uuids)
    return {str(row.domain_uuid): row for row in rows}


@dataclass(slots=True)
class _Changes:
    """What is to be written: new rows, and rows to update with or without what their XML says."""

    made: list[VM] = field(default_factory=list)
    of_state: list[VM] = field(default_factory=list)
    of_xml: list[VM] = field(default_factory=list)
    leases: list[tuple[VM, Lease]] = field(default_factory=list)
    """Ends that new rows bring along."""

    @property
    def all(self) -> list[VM]:
        """Every row that pages shall fetch again."""
        return [*self.made, *self.of_state, *self.of_xml]


def _write(host: Host, rows: Mapping[str, VM], seen: Mapping[str, Seen]) -> None:
    free, changes = FreeNames(), _Changes()
    for domain_uuid, each in seen.items():
        row = rows.get(domain_uuid)
        if row is None:
            continue
        follow_rename(row, each, free)
        if apply(row, each):
            (changes.of_state if each.domain is None else changes.of_xml).append(row)
    new = [each for domain_uuid, each in seen.items() if domain_uuid not in rows]
    if new:
        adoption = Adoption(host, new, free)
        changes.made = [adoption.row(each) for each in new]
        changes.leases = [
            (row, lease)
            for row, each in zip(changes.made, new, strict=True)
            if (lease := adoption.lease(each)) is not None
        ]
    _save(changes)
    _keep_leases(changes)
    measure_disks(host, [*changes.made, *changes.of_xml])


def _save(changes: _Changes) -> None:
    state_fields = (*STATE_FIELDS, *KVMWEB_FIELDS)
    _save_all(changes.of_state, state_fields)
    _save_all(changes.of_xml, (*state_fields, *XML_FIELDS))
    _make_all(changes.made)
    _announce(changes.all)


def _keep_leases(changes: _Changes) -> None:
    if not changes.leases:
        return
    there = set(VM.objects.filter(pk__in=[row.pk for row, _ in changes.leases]).values_list("pk"))
    for row, lease in changes.leases:
        if (row.pk,) in there:
            lease.vm_id = row.pk
            lease.save(force_insert=True)


def _make_all(rows: Sequence[VM]) -> None:
    if not rows:
        return
    try:
        with transaction.atomic():
            VM.objects.bulk_create(rows, batch_size=BATCH)
    except (DatabaseError, ValueError, OverflowError):
        _each_alone(rows, lambda row: row.save(force_insert=True))


def _save_all(rows: Sequence[VM], fields: Sequence[str]) -> None:
    if not rows:
        return
    try:
        with transaction.atomic():
            VM.objects.bulk_update(rows, fields, batch_size=BATCH)
    except (DatabaseError, ValueError, OverflowError):
        _each_alone(rows, lambda row: row.save(update_fields=fields))


def _each_alone(rows: Iterable[VM], save: Callable[[VM], None]) -> None:
    """Save rows one by one: the odd one that the database refuses keeps none of the others back."""
    for row in rows:
        try:
            with transaction.atomic():
                save(row)
        except (DatabaseError, ValueError, OverflowError) as error:
            log.warning("a guest could not be written", domain=str(row.domain_uuid), why=str(error))


def _announce(rows: Sequence[VM]) -> None:
    news = [(str(row.pk), row.revision) for row in rows]

    def tell() -> None:
        for vm_id, revision in news:
            publish.vm_changed(vm_id, revision)

    if news:
        transaction.on_commit(tell)


def _delete(rows: Sequence[VM]) -> None:
    """Delete rows whose domain is gone; one that a job makes or deletes is the job's to end."""
    ids = [row.pk for row in rows if not row.is_creating]
    if not ids:
        return
    jobs = Job.objects.filter(vm__in=ids, state__in=OPEN_STATES)
    busy = set(jobs.values_list("vm_id", flat=True))
    gone: list[uuid.UUID] = [pk for pk in ids if pk not in busy]
    VM.objects.filter(pk__in=gone, is_creating=False).delete()

    def tell() -> None:
        for pk in gone:
            publish.vm_gone(str(pk))

    transaction.on_commit(tell)


def observe_addresses(host: Host, domain_uuid: str, addresses: Sequence[Address]) -> None:
    """Write the IP addresses of a running guest, best source first."""
    texts = best_first(addresses)
    with transaction.atomic():
        row = (
            VM.objects.only("pk", "addresses", "revision", "state")
            .filter(host=host, domain_uuid=domain_uuid)
            .first()
        )
        if row is None or row.addresses == texts or row.vm_state not in ACTIVE_STATES:
            return
        row.addresses, row.revision = texts, row.revision + 1
        row.save(update_fields=["addresses", "revision"])
        _announce([row])
