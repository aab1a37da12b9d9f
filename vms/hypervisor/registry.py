"""The HostConnections of this process, one per host id."""

from __future__ import annotations

import threading

from .connection import HostConnection

_lock = threading.Lock()
_hosts: dict[str, HostConnection] = {}


def host_connection(host_id: str, uri: str) -> HostConnection:
    """Return the connection for `host_id`, made anew when its `uri` has changed. Never blocks."""
    with _lock:
        known = _hosts.get(host_id)
        if known is not None and known.uri == uri:
            return known
        made = _hosts[host_id] = HostConnection(uri)
    if known is not None:
        _close_behind(known)
    return made


def forget(host_id: str) -> None:
    """Close and drop the connection of a host that is gone; unknown ids are fine."""
    with _lock:
        known = _hosts.pop(host_id, None)
    if known is not None:
        known.close()


def close_all() -> None:
    """Close every connection, all at once; blocks for about a second at most."""
    with _lock:
        hosts = list(_hosts.values())
        _hosts.clear()
    closers = [_close_behind(host) for host in hosts]
    for closer in closers:
        closer.join(1.0)


def _close_behind(host: HostConnection) -> threading.Thread:
    closer = threading.Thread(target=host.close, name="libvirt-close", daemon=True)
    closer.start()
    return closer
