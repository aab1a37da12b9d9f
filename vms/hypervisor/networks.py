"""Virtual networks of a host."""

from __future__ import annotations

import libvirt

from .connection import HostConnection, Lane
from .types import NetworkInfo
from .xml.tree import attribute, read

START_TIMEOUT_S = 30.0


def list_all(host: HostConnection) -> list[NetworkInfo]:
    """Return every network, by name. One that vanishes meanwhile is left out."""
    return host.call(Lane.WATCH, _list)


def ensure_started(host: HostConnection, name: str, *, timeout_s: float = START_TIMEOUT_S) -> None:
    """Start the network unless it is active. Raises NetworkNotFound, OperationFailed."""

    def run(conn: libvirt.virConnect) -> None:
        network = conn.networkLookupByName(name)
        if not network.isActive():
            network.create()

    host.call(Lane.VERBS, run, timeout_s=timeout_s, context={"name": name})


def _list(conn: libvirt.virConnect) -> list[NetworkInfo]:
    networks = []
    for network in conn.listAllNetworks(0):
        try:
            networks.append(_info(network))
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_NETWORK:
                raise
    return sorted(networks, key=lambda network: network.name)


def _info(network: libvirt.virNetwork) -> NetworkInfo:
    root = read(network.XMLDesc(0))
    forward = root.find("forward")
    return NetworkInfo(
        uuid=network.UUIDString(),
        name=network.name(),
        is_active=bool(network.isActive()),
        has_autostart=bool(network.autostart()),
        bridge=attribute(root, "bridge", "name"),
        forward="" if forward is None else forward.get("mode") or "nat",
    )
