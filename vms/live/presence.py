"""Who sits at the consoles of each guest, in this process. Thread-safe."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from vms.live import publish


@dataclass(frozen=True, slots=True)
class Occupant:
    """Somebody at a console. `kind` is vnc or serial, `mode` control or view."""

    user_id: str
    user_name: str
    kind: str
    mode: str


_lock = threading.Lock()
_by_vm: dict[str, dict[str, Occupant]] = {}


def enter(vm_id: str, key: str, occupant: Occupant) -> None:
    """Note that somebody opened a console; `key` tells it from all others."""
    with _lock:
        _by_vm.setdefault(vm_id, {})[key] = occupant
    publish.consoles_changed(vm_id)


def leave(vm_id: str, key: str) -> None:
    """Note that a console was closed; one that was not noted is fine."""
    with _lock:
        here = _by_vm.get(vm_id, {})
        here.pop(key, None)
        if not here:
            _by_vm.pop(vm_id, None)
    publish.consoles_changed(vm_id)


def at(vm_id: str) -> tuple[Occupant, ...]:
    """Return who is there, in the order in which they came."""
    with _lock:
        return tuple(_by_vm.get(vm_id, {}).values())
