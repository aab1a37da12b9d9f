"""Hosts: the connection that belongs to a row, and the registration of the first one."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from vms.hypervisor import registry
from vms.hypervisor.connection import HostConnection
from vms.hypervisor.hardware import GuestOptions
from vms.hypervisor.options import guest_options_from
from vms.models import Host, HostStatus
from vms.problems import Refused


def connection(host: Host) -> HostConnection:
    """Return this process's connection to the host; it opens by itself when first used."""
    return registry.host_connection(str(host.pk), host.uri)


def options(host: Host) -> GuestOptions:
    """Return what guests can be made of there, as last read; not known before the first time."""
    return guest_options_from(host.facts.get("options") or {})


def require_connected(host: Host) -> None:
    """Refuse with the host's name while it is known to be away."""
    if host.status == HostStatus.AWAY:
        raise Refused("host-not-connected", name=host.name)


def ensure(*, uri: str, name: str) -> Host:
    """Return the host of that URI, registering it under `name` (made unique) when it is new."""
    found = Host.objects.filter(uri=uri).first()
    if found is not None:
        return found
    taken = set(Host.objects.values_list("name", flat=True))
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    return Host.objects.create(name=unique, uri=uri)


def name_from(uri: str) -> str:
    """Propose a name for a host: its host name in the URI, or this machine's for a local one."""
    remote = urlsplit(uri).hostname
    return remote or ("test" if uri.startswith("test:") else socket.gethostname() or "localhost")
