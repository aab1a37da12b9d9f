"""What every guest uses now, as text that sockets send, and which of it changed with which tick.

One per process, fed by the hub. A socket remembers the number of the tick it sent last and asks for
what changed since, so one that is slow misses ticks and costs no memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set

from vms.live.messages import UNKNOWN_ROW, Tick

KEPT_TICKS = 60
"""Who is further behind gets everything; until then a guest that went off is remembered."""
NEVER = -1


class HostBoard:
    """The guests of one host. `tick` counts up; members are '"id":[numbers]'."""

    def __init__(self) -> None:
        self.tick = 0
        self.at_ms = 0
        self._rows: dict[str, str] = {}
        self._members: dict[str, str] = {}
        self._changed_at: dict[str, int] = {}
        self._news: dict[str, str] = {}

    def take(self, tick: Tick) -> None:
        """Take a tick, which names every running guest of the host: who is missing is off."""
        self.tick += 1
        self.at_ms = tick.at_ms
        rows, before = dict(tick.rows), self._rows
        for vm_id in before.keys() - rows.keys():
            if self.tick - self._changed_at[vm_id] <= KEPT_TICKS or before[vm_id] != UNKNOWN_ROW:
                rows[vm_id] = UNKNOWN_ROW
            else:
                del self._changed_at[vm_id], self._members[vm_id]
        changed = [vm_id for vm_id, row in rows.items() if before.get(vm_id) != row]
        self._rows = rows
        self._news = {vm_id: f'"{vm_id}":{rows[vm_id]}' for vm_id in changed}
        self._members.update(self._news)
        self._changed_at.update(dict.fromkeys(changed, self.tick))

    def can_continue(self, since: int) -> bool:
        """Say whether a socket that sent tick `since` can go on with changes only."""
        return since != NEVER and self.tick - since <= KEPT_TICKS

    def everything(self, vm_ids: Collection[str]) -> list[str]:
        """Return the members of the guests among `vm_ids` that run."""
        return [
            self._members[vm_id]
            for vm_id, row in self._rows.items()
            if vm_id in vm_ids and row != UNKNOWN_ROW
        ]

    def changes(self, vm_ids: Set[str], since: int) -> list[str]:
        """Return the members of the guests among `vm_ids` that changed after tick `since`."""
        if since >= self.tick:
            return []
        if since == self.tick - 1:
            return [member for vm_id, member in self._news.items() if vm_id in vm_ids]
        return [
            self._members[vm_id]
            for vm_id, changed_at in self._changed_at.items()
            if changed_at > since and vm_id in vm_ids
        ]


class Board:
    """All hosts. Belongs to the server's loop."""

    def __init__(self) -> None:
        self._hosts: dict[str, HostBoard] = {}

    def take(self, tick: Tick) -> None:
        """Take a tick of one host."""
        self._hosts.setdefault(tick.host_id, HostBoard()).take(tick)

    def host(self, host_id: str) -> HostBoard | None:
        """Return the board of a host; None where it has not been measured."""
        return self._hosts.get(host_id)

    @property
    def host_ids(self) -> Iterable[str]:
        """Every host that was measured."""
        return tuple(self._hosts)
