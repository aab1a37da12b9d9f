"""What is read of one domain beyond its record: definition, addresses, a picture of its screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import libvirt

from .connection import HostConnection, Lane
from .errors import HypervisorError, OperationFailed, Unsupported, WrongState
from .lookup import find
from .types import Address, Screenshot
from .xml.parse import AGENT_CHANNEL
from .xml.tree import read

AGENT_TIMEOUT_S = 2
SCREENSHOT_MAX_BYTES = 64 * 2**20
CHUNK_BYTES = 256 * 2**10


def get_inactive_xml(host: HostConnection, uuid: str) -> str:
    """Return the persistent definition as XML, without secrets."""
    return host.call(
        Lane.WATCH,
        lambda conn: str(find(conn, uuid).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)),
        context={"uuid": uuid},
    )


def addresses(host: HostConnection, uuid: str) -> tuple[Address, ...]:
    """Return the guest's IP addresses from the first source that knows any: agent, lease, arp.

    () while it is off or nobody knows. Loopback and link-local addresses are left out.
    """
    try:
        return host.call(
            Lane.STREAMS, lambda conn: _addresses(find(conn, uuid)), context={"uuid": uuid}
        )
    except (WrongState, Unsupported, OperationFailed):
        return ()


def screenshot(host: HostConnection, uuid: str) -> Screenshot:
    """Return a picture of the first screen.

    Raises WrongState while it is off, Unsupported where the domain has no screen.
    """
    return host.call(
        Lane.STREAMS,
        lambda conn: _screenshot(conn, uuid),
        context={"uuid": uuid, "what": "screenshot"},
    )


def _addresses(domain: libvirt.virDomain) -> tuple[Address, ...]:
    if not domain.isActive():
        return ()
    sources = {
        "lease": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
        "arp": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
    }
    if _has_agent(domain):
        sources = {"agent": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT} | sources
    for name, code in sources.items():
        try:
            found = tuple(_usable(name, domain.interfaceAddresses(code, 0)))
        except libvirt.libvirtError:
            continue  # this source knows nothing: the next may
        if found:
            return found
    return ()


def _has_agent(domain: libvirt.virDomain) -> bool:
    """Return whether an agent answers, and see that it cannot keep us waiting.

    The agent is the guest's: without a limit one that falls silent would hold a thread for good.
    """
    try:
        root = read(domain.XMLDesc(0))
    except HypervisorError:
        return False
    path = f"devices/channel/target[@name='{AGENT_CHANNEL}']"
    if not any(target.get("state") == "connected" for target in root.iterfind(path)):
        return False
    try:
        domain.agentSetResponseTimeout(AGENT_TIMEOUT_S, 0)
    except libvirt.libvirtError:
        return False
    return True


def _usable(source: str, interfaces: Mapping[str, Mapping[str, object]]) -> Iterable[Address]:
    for interface in interfaces.values():
        entries = interface.get("addrs")
        for entry in entries if isinstance(entries, list) else []:
            text = str(entry.get("addr", ""))
            try:
                parsed = ip_address(text)
            except ValueError:
                continue  # an agent may say anything
            if not (parsed.is_loopback or parsed.is_link_local):
                yield Address(address=text, mac=str(interface.get("hwaddr") or ""), source=source)


def _screenshot(conn: libvirt.virConnect, uuid: str) -> Screenshot:
    domain = find(conn, uuid)
    stream = conn.newStream(0)
    mime_type = domain.screenshot(stream, 0, 0)
    try:
        data = _receive(stream)
        stream.finish()
    except (libvirt.libvirtError, HypervisorError):
        _abort(stream)
        raise
    return Screenshot(data=data, mime_type=str(mime_type or ""))


def _receive(stream: libvirt.virStream) -> bytes:
    data = bytearray()
    while chunk := stream.recv(CHUNK_BYTES):
        data += chunk
        if len(data) > SCREENSHOT_MAX_BYTES:
            raise OperationFailed(detail="screenshot too large")
    return bytes(data)


def _abort(stream: libvirt.virStream) -> None:
    try:
        stream.abort()
    except libvirt.libvirtError:
        return  # it is broken already; the first error is the one that counts
