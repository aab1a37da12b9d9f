"""Changes to a domain: texts and media at any time, hardware while it is off."""

from __future__ import annotations

from collections.abc import Callable

import libvirt

from .connection import HostConnection, Lane
from .errors import InvalidConfig, NameTaken, Unsupported, WrongState
from .lookup import find, has_name, record
from .types import ConfigChange, DiskSpec, DomainRecord, VmMetadata
from .xml.build import metadata_xml
from .xml.tree import NAMESPACE, PREFIX
from .xml.update import apply, drive_with_media, with_disk, with_media, without_disk

MEDIA_TIMEOUT_S = 20.0


def set_description(host: HostConnection, uuid: str, text: str) -> None:
    """Set the description, "" removes it. Line ends become \\n, as XML would make them anyway.

    Raises InvalidConfig for control characters, which libvirt would drop silently.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in text):
        raise InvalidConfig(detail="control character")
    kind = libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
    host.call(
        Lane.VERBS,
        lambda conn: _set_text(find(conn, uuid), kind, text or None, None, None),
        context={"uuid": uuid},
    )


def set_metadata(host: HostConnection, uuid: str, metadata: VmMetadata) -> None:
    """Write our part of the metadata; what others wrote beside it stays."""
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    xml = metadata_xml(metadata)
    host.call(
        Lane.VERBS,
        lambda conn: _set_text(find(conn, uuid), kind, xml, PREFIX, NAMESPACE),
        context={"uuid": uuid},
    )


def change_config(
    host: HostConnection, uuid: str, change: ConfigChange, *, timeout_s: float = 30.0
) -> DomainRecord:
    """Edit the definition of a domain that is off, keeping all we do not know, and return it.

    Raises WrongState while it is active, NameTaken, InvalidConfig, Unsupported.
    """

    def run(conn: libvirt.virConnect) -> DomainRecord:
        domain = find(conn, uuid)
        if domain.isActive():
            raise WrongState(detail="active")
        name = change.name
        if name is not None and has_name(conn, name, but=uuid):
            raise NameTaken(name=name)
        before = _definition(domain)
        without_name = ConfigChange(None, change.vcpus, change.memory_mib, change.boot)
        after = apply(before, without_name)
        if after != before:
            conn.defineXMLFlags(after, 0)
        if name is not None and name != domain.name():
            domain.rename(name, 0)
        return record(find(conn, uuid))

    context = {"uuid": uuid, "name": change.name or ""}
    return host.call(Lane.VERBS, run, timeout_s=timeout_s, context=context)


def change_media(
    host: HostConnection, uuid: str, *, path: str, timeout_s: float = MEDIA_TIMEOUT_S
) -> None:
    """Put the ISO at `path` into the first CD-ROM drive, "" ejects; it holds after a restart, too.

    A domain that is off gets a drive if it has none. Raises Unsupported("cdrom") for an active one
    without a drive or where the driver cannot change media.
    """

    def run(conn: libvirt.virConnect) -> None:
        domain = find(conn, uuid)
        if domain.isActive():
            live = drive_with_media(domain.XMLDesc(0), path)
            if live is None:
                raise Unsupported(what="cdrom")
            domain.updateDeviceFlags(live, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        if domain.isPersistent():
            before = _definition(domain)
            after = with_media(before, path)
            if after != before:
                conn.defineXMLFlags(after, 0)

    host.call(Lane.VERBS, run, timeout_s=timeout_s, context={"uuid": uuid, "what": "cdrom"})


def add_disk(host: HostConnection, uuid: str, disk: DiskSpec) -> None:
    """Give a domain that is off one more disk. Raises WrongState while it is active."""
    _redefine(host, uuid, lambda xml: with_disk(xml, disk))


def remove_disk(host: HostConnection, uuid: str, path: str) -> None:
    """Take the disk at `path` from a domain that is off; its file stays. Raises WrongState."""
    _redefine(host, uuid, lambda xml: without_disk(xml, path))


def _redefine(host: HostConnection, uuid: str, change: Callable[[str], str]) -> None:
    def run(conn: libvirt.virConnect) -> None:
        domain = find(conn, uuid)
        if domain.isActive():
            raise WrongState(detail="active")
        conn.defineXMLFlags(change(_definition(domain)), 0)

    host.call(Lane.VERBS, run, context={"uuid": uuid})


def _definition(domain: libvirt.virDomain) -> str:
    """Return the persistent XML with its secrets: a VNC password left out would be lost."""
    flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
    return str(domain.XMLDesc(flags))


def _set_text(
    domain: libvirt.virDomain, kind: int, text: str | None, key: str | None, uri: str | None
) -> None:
    flags = 0
    if domain.isActive():
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
    if domain.isPersistent():
        flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG
    domain.setMetadata(kind, text, key, uri, flags)
