"""Who looks at a status socket, and what he may see; shared by sockets that see the same.

Reading what a user may see costs a query over all his guests: his sockets share one answer.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from dataclasses import dataclass, field

from vms import selectors
from vms.live.board import NEVER, HostBoard
from vms.policy import Action, Door, Person, can
from vms.streams import visitors

FORGET_S = 60.0
MOST_UNSEEN = 10_000


class View:
    """A set of guests; sockets that see the same share one, and send the same text."""

    def __init__(self, vm_ids: frozenset[str]) -> None:
        self.vm_ids = vm_ids
        self.unseen: set[str] = set()
        """Guests about which hints came that are not among them: no reason to look again."""
        self.sockets = 0
        """How many sockets use it now; all but the ids belongs to the loop."""
        self._made: dict[str, tuple[int, int, str]] = {}

    def leave_out(self, vm_ids: set[str]) -> None:
        """Note that these guests, just looked for, are not to be seen; guests come and go."""
        if len(self.unseen) > MOST_UNSEEN:
            self.unseen.clear()
        self.unseen |= vm_ids - self.vm_ids

    def members(self, host_id: str, since: int, host: HostBoard) -> str:
        """Return the members of a frame that leads from tick `since` of a host to its last one."""
        before, tick, text = self._made.get(host_id, (NEVER, NEVER, ""))
        if (before, tick) == (since, host.tick) and since != NEVER:
            return text
        if host.can_continue(since):
            text = ",".join(host.changes(self.vm_ids, since))
        else:
            text = ",".join(host.everything(self.vm_ids))
        if self.sockets > 1:
            self._made[host_id] = (since, host.tick, text)
        return text


@dataclass(frozen=True, slots=True)
class Sight:
    """Who looks, and what he may see."""

    person: Person
    view: View
    has_hosts: bool
    has_all_jobs: bool
    has_people: bool

    @property
    def vm_ids(self) -> frozenset[str]:
        """The guests that he may see."""
        return self.view.vm_ids


@dataclass(slots=True)
class _Answer:
    """What a user may see, as it was read at a moment of the monotonic clock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    read_at_s: float = float("-inf")
    view: View | None = None


_lock = threading.Lock()
_views: weakref.WeakValueDictionary[frozenset[str], View] = weakref.WeakValueDictionary()
_answers: dict[tuple[object, str], _Answer] = {}


def look(session_key: str, address: str, since_s: float) -> Sight | None:
    """Find out what the session's user may see; None where nobody is logged in. Reads rows.

    What was read for another socket of the same user after `since_s` (monotonic clock) will do.
    """
    user = visitors.user_of(session_key)
    if user is None:
        return None
    person = Person(user, Door.WEB, address, session_key)
    return Sight(
        person=person,
        view=view(person, since_s),
        has_hosts=can(person, Action.HOST_VIEW),
        has_all_jobs=can(person, Action.JOB_VIEW),
        has_people=can(person, Action.PEOPLE_VIEW),
    )


def view(person: Person, since_s: float) -> View:
    """Return which guests a person may see, as of `since_s` or later. Reads rows."""
    answer = _answer(person)
    with answer.lock:
        if answer.view is None or answer.read_at_s < since_s:
            began_s = time.monotonic()
            answer.view = _shared(selectors.visible_vm_ids(person))
            answer.read_at_s = began_s
        return answer.view


def _answer(person: Person) -> _Answer:
    """Find what was read for that user in his role; who has not looked for a while is forgotten."""
    key = (person.user.pk, person.user.role)
    with _lock:
        if key not in _answers:
            limit_s = time.monotonic() - FORGET_S
            for old in [each for each, kept in _answers.items() if kept.read_at_s < limit_s]:
                del _answers[old]
        return _answers.setdefault(key, _Answer())


def _shared(vm_ids: frozenset[str]) -> View:
    with _lock:
        found = _views.get(vm_ids)
        if found is None:
            # One text per guest for all views, which differ in a few of many.
            found = View(frozenset(map(sys.intern, vm_ids)))
            _views[found.vm_ids] = found
        return found
