"""The latest numbers of every guest and host, in memory only. Thread-safe.

A tick is kept as the JSON array that the sockets send: a history is a join, and 60 ticks cost 6 KB.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping

from vms.hypervisor.types import HostLoad
from vms.live.messages import Numbers, numbers_from_json

HISTORY_TICKS = 60

_lock = threading.Lock()
_latest: dict[str, Numbers] = {}
_history: dict[str, deque[str]] = {}
_loads: dict[str, HostLoad] = {}


def record(numbers: Mapping[str, Numbers], rows: Mapping[str, str]) -> None:
    """Keep one tick: the numbers and, under the same ids, the JSON arrays made of them."""
    with _lock:
        _latest.update(numbers)
        for vm_id, row in rows.items():
            _history.setdefault(vm_id, deque(maxlen=HISTORY_TICKS)).append(row)


def latest(vm_id: str) -> Numbers | None:
    """Return the numbers of the last tick; None for a guest that is off or not sampled yet."""
    return _latest.get(vm_id)


def history(vm_id: str) -> list[Numbers]:
    """Return the numbers of the last `HISTORY_TICKS` ticks, oldest first."""
    with _lock:
        rows = list(_history.get(vm_id, ()))
    return [numbers_from_json(row) for row in rows]


def history_json(vm_id: str) -> str:
    """Return the same history as one JSON array of arrays."""
    with _lock:
        return "[" + ",".join(_history.get(vm_id, ())) + "]"


def forget(vm_id: str) -> None:
    """Drop what is known of a guest that is off or gone."""
    with _lock:
        _latest.pop(vm_id, None)
        _history.pop(vm_id, None)


def record_host_load(host_id: str, load: HostLoad) -> None:
    """Keep the load of a host."""
    _loads[host_id] = load


def host_load(host_id: str) -> HostLoad | None:
    """Return the last load of a host; None before the first sample or while it is away."""
    return _loads.get(host_id)


def forget_host(host_id: str) -> None:
    """Drop the load of a host that went away."""
    _loads.pop(host_id, None)
