"""A guest's display as a connected socket, without any TCP port, and its serial devices."""

from __future__ import annotations

import os
import socket

import libvirt

from .connection import HostConnection, Lane
from .errors import SerialBusy, Unsupported, WrongState
from .link import KEEPALIVE_COUNT, KEEPALIVE_INTERVAL_S
from .lookup import find
from .loop import ensure_event_loop
from .serial import Opened, SerialPort
from .xml.parse import parse_domain, parse_serials

OPENABLE = frozenset({"pty", "unix"})
"""Kinds of serial device that libvirt lets one read; others lead to a file or a network."""


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


def open_serial(host: HostConnection, uuid: str, device: int) -> SerialPort:
    """Return the guest's serial device of that number, counted from 0.

    It has a connection of its own, so that a guest that talks much delays nobody. Raises WrongState
    while the guest is off, SerialBusy while somebody else reads it, Unsupported("serial") where
    there is no such device or the driver has no consoles.
    """
    return host.call(
        Lane.STREAMS,
        lambda _conn: _open_serial(host.uri, uuid, device),
        on_late=SerialPort.close,
        context={"uuid": uuid, "what": "serial"},
    )


def _open_serial(uri: str, uuid: str, device: int) -> SerialPort:
    ensure_event_loop()
    conn = libvirt.open(uri)
    try:
        conn.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT)
        domain = find(conn, uuid)
        if not domain.isActive():
            raise WrongState(detail="off")
        stream = conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
        _attach(domain, _alias(domain, device), stream)
    except BaseException:
        conn.close()
        raise
    return SerialPort(Opened(conn, stream))


def _alias(domain: libvirt.virDomain, device: int) -> str:
    serials = parse_serials(domain.XMLDesc(0))
    if device >= len(serials) or serials[device].kind not in OPENABLE:
        raise Unsupported(what="serial")
    return serials[device].alias or f"serial{device}"


def _attach(domain: libvirt.virDomain, alias: str, stream: libvirt.virStream) -> None:
    try:
        domain.openConsole(alias, stream, libvirt.VIR_DOMAIN_CONSOLE_SAFE)
    except libvirt.libvirtError as error:
        # The only thing that fails here with this code; the words are in the host's language.
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_FAILED:
            raise SerialBusy() from error
        raise
