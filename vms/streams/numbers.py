"""The numbers that one status socket has been sent, and the frames that come next. No I/O.

{"t":"numbers","h":0,"at":epoch_ms,"vms":{id:[...]}} is one tick of one host, of which `h` is the
number in this socket's own count. It names the guests whose numbers changed; all others of that
host go on as before. With "full":true it names all that run. With "more":true it is no tick: it
names guests that may be seen from now on.
"""

from __future__ import annotations

from collections.abc import Iterator

from vms.live.board import NEVER, Board
from vms.streams.sights import View


class NumberFrames:
    """What a socket has been sent of each host. Belongs to the loop."""

    def __init__(self) -> None:
        self.is_shown = True
        self._wants_all = False
        self._sent: dict[str, int] = {}
        self._marks: dict[str, int] = {}

    def show(self, is_shown: bool) -> None:
        """Follow the page: hidden it gets nothing, and everything once when it is shown."""
        self.is_shown = self._wants_all = is_shown

    def next(self, board: Board, view: View, host_ids: list[str]) -> Iterator[str]:
        """Give a frame for each of these hosts, or for all of them after the page was shown."""
        if not self.is_shown:
            return
        if self._wants_all:
            self._wants_all = False
            self._sent.clear()
            host_ids = list(board.host_ids)
        for host_id in host_ids:
            text = self._frame(board, view, host_id)
            if text:
                yield text

    def added(self, board: Board, vm_ids: frozenset[str]) -> Iterator[str]:
        """Give frames with the numbers of guests that may be seen only now."""
        if not self.is_shown or not vm_ids:
            return
        for host_id in board.host_ids:
            host = board.host(host_id)
            members = ",".join(host.everything(vm_ids)) if host else ""
            if host and members:
                yield self._text(host_id, host.at_ms, '"more":true,', members)

    def _frame(self, board: Board, view: View, host_id: str) -> str:
        host = board.host(host_id)
        if host is None:
            return ""
        since = self._sent.get(host_id, NEVER)
        if since == host.tick:
            return ""
        members = view.members(host_id, since, host)
        self._sent[host_id] = host.tick
        if not members and host_id not in self._marks:
            return ""
        full = "" if host.can_continue(since) else '"full":true,'
        return self._text(host_id, host.at_ms, full, members)

    def _text(self, host_id: str, at_ms: int, flag: str, members: str) -> str:
        mark = self._marks.setdefault(host_id, len(self._marks))
        return f'{{"t":"numbers","h":{mark},"at":{at_ms},{flag}"vms":{{{members}}}}}'
