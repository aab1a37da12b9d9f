"""Which of a guest's IP addresses a person wants to see, and in which order. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from vms.hypervisor.types import Address

SOURCES = ("agent", "lease", "arp")


def best_first(addresses: Iterable[Address]) -> list[str]:
    """Order by source, IPv4 first, each once; leave out loopback, link-local and nonsense."""
    ranked = [
        (_rank(address.source), parsed.version, position, str(parsed))
        for position, address in enumerate(addresses)
        if (parsed := _parse(address.address)) is not None
    ]
    return list(dict.fromkeys(text for _source, _version, _position, text in sorted(ranked)))


def _rank(source: str) -> int:
    return SOURCES.index(source) if source in SOURCES else len(SOURCES)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text.partition("/")[0])
    except ValueError:
        return None
    return None if parsed.is_loopback or parsed.is_link_local else parsed
