"""Whether what the catalogue names is still there: every address is asked, nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vms.imaging import fetch
from vms.imaging.addresses import Rules
from vms.policy import Actor
from vms.problems import Problem
from vms.services import fetching

AT_ONCE = 8
NO_SUCH_FILE = frozenset({403, 404, 410})
"""403 is what storage in clouds says of a file that is not there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking for an address. `names` are the entries that need it."""

    url: str
    names: tuple[str, ...]
    size_bytes: int = 0
    """0 where the server does not say."""
    problem: Problem | None = None

    @property
    def is_gone(self) -> bool:
        """The server answered, and has no such file."""
        if self.problem is None or self.problem.code != "url-status":
            return False
        return self.problem.params["status"] in NO_SUCH_FILE


def everything(*, actor: Actor) -> Iterator[Found]:
    """Ask for each image and each file of checksums, and tell in the catalogue's order.

    Raises Forbidden, Problem for a catalogue that cannot be read. Takes seconds, and up to a
    minute for a server that does not answer.
    """
    wanted: dict[str, list[str]] = {}
    for entry in fetching.entries(actor=actor):
        for url in (entry.url, entry.checksum_url):
            wanted.setdefault(url, []).append(entry.id)
    rules = fetching.rules()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(lambda each: _ask(each[0], tuple(each[1]), rules), wanted.items())


def _ask(url: str, names: tuple[str, ...], rules: Rules) -> Found:
    try:
        return Found(url, names, fetch.look(url, rules=rules))
    except Problem as problem:
        return Found(url, names, problem=problem)
