"""From what a host says of a domain to the columns of a row.

Pure, except for the naming and adopting of new rows, which look up what is taken.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from vms.hypervisor.types import ACTIVE_STATES, Domain, DomainRecord, VmMetadata
from vms.hypervisor.xml.parse import parse_domain
from vms.models import VM, Host, Lease, Template, User
from vms.services import names
from vms.services.installation import installation_id

STATE_FIELDS = ("libvirt_name", "state", "state_reason", "is_persistent", "has_autostart")
XML_FIELDS = (
    "xml",
    "is_readable",
    "description",
    "vcpus",
    "memory_mib",
    "has_vnc",
    "macs",
    "disk_paths",
)
KVMWEB_FIELDS = ("name", "addresses", "revision")
MAX_NAME = VM._meta.get_field("name").max_length or 200
MAX_LIBVIRT_NAME = VM._meta.get_field("libvirt_name").max_length or 255
MAX_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A domain as just read. `domain` is None when its XML is the one that the row has already."""

    record: DomainRecord
    domain: Domain | None

    @property
    def libvirt_name(self) -> str:
        """The name on the host, as far as the column holds it."""
        return self.record.name[:MAX_LIBVIRT_NAME]

    @property
    def own_name(self) -> str:
        """The name in our metadata, or ""."""
        metadata = self.domain.metadata if self.domain else None
        return metadata.name[:MAX_NAME] if metadata else ""


def read(record: DomainRecord, known_xml: str | None) -> Seen:
    """Parse a record's XML unless it is the one known."""
    is_known = bool(record.xml) and record.xml == known_xml
    return Seen(record, None if is_known else parse_domain(record.xml))


def apply(row: VM, seen: Seen) -> bool:
    """Copy what was seen into the row and count its revision up; False when nothing differs.

    The columns of XML that cannot be read stay as they were: listed with what is known.
    """
    values = _state_values(seen)
    if seen.domain is not None:
        values |= _xml_values(seen.record.xml, seen.domain)
    if seen.record.state not in ACTIVE_STATES:
        values["addresses"] = []
    changed = [field for field, value in values.items() if getattr(row, field) != value]
    for field in changed:
        setattr(row, field, values[field])
    if changed:
        row.revision += 1
    return bool(changed)


def _state_values(seen: Seen) -> dict[str, object]:
    record = seen.record
    return {
        "libvirt_name": seen.libvirt_name,
        "state": record.state.value,
        "state_reason": record.state_reason[:60],
        "is_persistent": record.is_persistent,
        "has_autostart": record.has_autostart,
    }


def _xml_values(xml: str, domain: Domain) -> dict[str, object]:
    if not domain.is_readable:
        return {"xml": xml, "is_readable": False}
    return {
        "xml": xml,
        "is_readable": True,
        "description": domain.description,
        "vcpus": min(domain.vcpus, MAX_INTEGER),
        "memory_mib": min(domain.memory_mib, MAX_INTEGER),
        "has_vnc": "vnc" in domain.graphics,
        "macs": [nic.mac for nic in domain.nics if nic.mac],
        "disk_paths": _disk_paths(domain),
    }


def _disk_paths(domain: Domain) -> list[str]:
    return list(dict.fromkeys(disk.source for disk in domain.disks if disk.source))


class FreeNames:
    """The names that owners' guests have, read once, and names made unique against them."""

    def __init__(self) -> None:
        self._taken: set[tuple[uuid.UUID | None, str]] | None = None

    def claim(self, owner_id: uuid.UUID | None, name: str) -> str:
        """Return `name`, with a suffix where the owner has a guest of that name, and keep it."""
        if self._taken is None:
            self._taken = set(VM.objects.values_list("owner_id", "name"))
        for candidate in itertools.chain(names.candidates(name[:MAX_NAME]), _endless(name)):
            if (owner_id, candidate) not in self._taken:
                break
        self._taken.add((owner_id, candidate))
        return candidate


def _endless(name: str) -> Iterable[str]:
    return (f"{name[:80]}-{number}" for number in itertools.count(100))


def follow_rename(row: VM, seen: Seen, free: FreeNames) -> None:
    """Give the row the name that somebody gave the domain on the host.

    When our metadata changed too, the name was given through kvmweb: the metadata has it in full.
    """
    if not row.libvirt_name or seen.libvirt_name == row.libvirt_name:
        return
    wanted = seen.own_name if seen.own_name not in ("", row.name) else seen.libvirt_name
    if wanted != row.name:
        row.name = free.claim(row.owner_id, wanted)


class Adoption:
    """Makes rows for domains that are new to us; asks the database once for all of them.

    Owner and template come back from the metadata only if this installation wrote it: another one's
    "alice" is somebody else.
    """

    def __init__(self, host: Host, new: Iterable[Seen], free: FreeNames) -> None:
        self._host, self._free = host, free
        found = list(new)
        ours = [data for seen in found if (data := self._ours(seen)) is not None]
        owners = User.objects.filter(username__in={data.owner for data in ours if data.owner})
        self._owners = {user.username: user for user in owners}
        templates = Template.objects.filter(name__in={data.template for data in ours})
        self._templates = {template.name: template for template in templates}
        uuids = [seen.record.uuid for seen in found]
        self._taken_ids = set(VM.objects.filter(pk__in=uuids).values_list("pk", flat=True))

    @staticmethod
    def _ours(seen: Seen) -> VmMetadata | None:
        metadata = seen.domain.metadata if seen.domain else None
        if metadata is None or metadata.installation != installation_id():
            return None
        return metadata

    def lease(self, seen: Seen) -> Lease | None:
        """Make an unsaved lease where the domain says when it ends; what cannot be read is none."""
        ours = self._ours(seen)
        try:
            end = datetime.fromisoformat(ours.lease) if ours and ours.lease else None
        except ValueError:
            return None
        return Lease(expires_at=end) if end is not None and end.tzinfo else None

    def row(self, seen: Seen) -> VM:
        """Make an unsaved row for a domain."""
        domain_uuid = uuid.UUID(seen.record.uuid)
        ours = self._ours(seen)
        owner = self._owners.get(ours.owner) if ours else None
        row = VM(
            id=uuid.uuid4() if domain_uuid in self._taken_ids else domain_uuid,
            host=self._host,
            domain_uuid=domain_uuid,
            owner=owner,
            template=self._templates.get(ours.template) if ours else None,
            template_name=ours.template[:100] if ours else "",
            tags=list(ours.tags) if ours else [],
            name=self._free.claim(owner.pk if owner else None, seen.own_name or seen.libvirt_name),
            revision=0,
        )
        apply(row, seen)
        return row
