"""The addresses of this machine, and which of them only this machine can reach."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

SIOCGIFADDR = 0x8915
WILDCARDS = frozenset({"", "*", "0.0.0.0", "::"})  # noqa: S104 - to recognise them
IF_INET6 = Path("/proc/net/if_inet6")


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address or name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str) -> list[str]:
    """Return the names and addresses by which browsers may call a server that listens on `host`."""
    if is_loopback(host):
        return []
    if host not in WILDCARDS:
        return [host]
    names = [socket.gethostname(), socket.getfqdn(), *ipv4_addresses(), *ipv6_addresses()]
    return list(dict.fromkeys(names))


def ipv4_addresses() -> list[str]:
    """Return the IPv4 address of each interface that has one."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _index, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                reply = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)
            except OSError:
                continue
            found.append(socket.inet_ntoa(reply[20:24]))
    return [address for address in found if not is_loopback(address)]


def ipv6_addresses() -> list[str]:
    """Return the global IPv6 addresses of this machine."""
    if not IF_INET6.exists():
        return []
    packed = (line.split()[0] for line in IF_INET6.read_text().splitlines())
    addresses = (ipaddress.IPv6Address(bytes.fromhex(each)) for each in packed)
    return [str(each) for each in addresses if not each.is_loopback and not each.is_link_local]
