"""A guest's display as a connected socket, without any TCP port."""

from __future__ import annotations

import os
import socket

import libvirt

from .connection import HostConnection, Lane
from .errors import Unsupported, WrongState
from .lookup import find
from .xml.parse import parse_domain


def open_graphics(host: HostConnection, uuid: str) -> socket.socket:
    """Return a non-blocking socket to the guest's VNC server, which speaks first.

    The caller closes it. Raises WrongState while the guest is off, Unsupported("vnc") where there
    is no VNC display or the host is not this machine: descriptors do not travel.
    """
    if not host.is_local:
        raise Unsupported(what="vnc")
    descriptor = host.call(
        Lane.VERBS,
        lambda conn: _open(conn, uuid),
        on_late=os.close,
        context={"uuid": uuid, "what": "vnc"},
    )
    os.set_inheritable(descriptor, False)
    connected = socket.socket(fileno=descriptor)
    connected.setblocking(False)
    return connected


def _open(conn: libvirt.virConnect, uuid: str) -> int:
    domain = find(conn, uuid)
    if not domain.isActive():
        raise WrongState(detail="off")
    graphics = parse_domain(domain.XMLDesc(0)).graphics
    if "vnc" not in graphics:
        raise Unsupported(what="vnc")
    flags = libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH
    return int(domain.openGraphicsFD(graphics.index("vnc"), flags))
