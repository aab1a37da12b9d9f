"""The Range header of HTTP, as far as one part goes. Pure."""

from __future__ import annotations

import re

_ONE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


class Unsatisfiable(Exception):
    """The range lies beyond the end."""


def parse(header: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the first and last byte that are asked for, None where the whole is to be sent.

    What is no range of one part counts as none, as RFC 9110 allows. Raises Unsatisfiable.
    """
    match = _ONE.match(header.strip().lower())
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        suffix = int(match[2])
        if not suffix or not size_bytes:
            raise Unsatisfiable
        return max(0, size_bytes - suffix), size_bytes - 1
    first = int(match[1])
    last = min(int(match[2]), size_bytes - 1) if match[2] else size_bytes - 1
    if match[2] and int(match[2]) < first:
        return None
    if first >= size_bytes:
        raise Unsatisfiable
    return first, last
