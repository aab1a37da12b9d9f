"""Which addresses may be asked for an image: by default only public ones.

The name is resolved once, every address that it gives is judged, and the judged address is what is
connected to: a name that changes its mind in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from vms.problems import Problem

PORTS = {"http": 80, "https": 443}
MAX_URL = 2000
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Rules:
    """Networks that are allowed although they are not public, and public ones that are not."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()

    @staticmethod
    def of(allow: Sequence[str], deny: Sequence[str]) -> Rules:
        """Read networks as texts."""
        return Rules(
            tuple(ipaddress.ip_network(each) for each in allow),
            tuple(ipaddress.ip_network(each) for each in deny),
        )

    def permit(self, address: Address) -> bool:
        """Say whether an address may be asked."""
        plain = _plain(address)
        if any(_within(each, plain) or _within(each, address) for each in self.deny):
            return False
        if any(_within(each, plain) or _within(each, address) for each in self.allow):
            return True
        return plain.is_global and not plain.is_multicast and not plain.is_reserved


def _within(network: Network, address: Address) -> bool:
    return network.version == address.version and address in network


def _plain(address: Address) -> Address:
    """Unwrap an IPv4 address that stands within one of IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo:
            return address.teredo[1]
    return address


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and what to ask for there."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"


def parse(url: str) -> SplitResult:
    """Read a URL. Raises Problem for anything but http and https with a host and no password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Problem("url-rule") from None
    is_odd = any(ord(char) < 33 or ord(char) > 126 for char in url) or len(url) > MAX_URL
    if is_odd or parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise Problem("url-rule")
    if parts.username or parts.password:
        raise Problem("url-password")
    return parts


def resolve(url: str, rules: Rules) -> Target:
    """Find an address that may be asked for a URL.

    Raises Problem("url-forbidden") when any address of the name is not permitted, "url-unknown".
    """
    parts = parse(url)
    host = parts.hostname or ""
    port = parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Problem("url-unknown", host=host) from None
    addresses = [str(each[4][0]).partition("%")[0] for each in found]
    if not addresses:
        raise Problem("url-unknown", host=host)
    for each in addresses:
        if not rules.permit(ipaddress.ip_address(each)):
            raise Problem("url-forbidden", host=host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, addresses[0], path)
