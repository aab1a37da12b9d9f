"""Names of guests: what libvirt takes, what is free, what to propose."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from vms.models import VM, Template, User
from vms.problems import Problem

MAX_LENGTH = 100
"""Characters. libvirt puts the name into file names of at most 255 bytes, with its own additions.
"""
MAX_BYTES = 200


def name_problem(name: str) -> Problem | None:
    """Say what is wrong with the name of a guest: libvirt's rules, and a length that its files can
    bear.
    """
    if all(_is_invisible(char) for char in name):
        return Problem("name-blank")
    if len(name) > MAX_LENGTH or len(name.encode()) > MAX_BYTES:
        return Problem("name-too-long", limit=_fitting(name))
    if "/" in name:
        return Problem("name-slash")
    if name in {".", ".."}:
        return Problem("name-dots")
    if has_control_characters(name) or not _TURNS.isdisjoint(name):
        return Problem("name-control")
    if name != name.strip():
        return Problem("name-edges")
    return None


_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Turn the direction of whatever stands beside the name; right-to-left letters need none of them.
"""
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Count as letters or signs and are drawn as nothing."""


def _is_invisible(char: str) -> bool:
    return char in _FILLERS or unicodedata.category(char) in {"Cc", "Cf", "Zs", "Zl", "Zp"}


def _fitting(name: str) -> int:
    """Return how many characters of a name that is too long would fit."""
    return min(MAX_LENGTH, len(name.encode()[:MAX_BYTES].decode(errors="ignore")))


def has_control_characters(text: str, *, allowed: str = "") -> bool:
    """Say whether the text holds characters that XML 1.0 or a single line cannot carry."""
    return any(
        (unicodedata.category(char) in {"Cc", "Cs"} and char not in allowed)
        or char in "\u2028\u2029\ufffe\uffff"
        for char in text
    )


LVM_NAME = re.compile(r"[A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,126}\Z")
"""What LVM takes as the name of a volume group or of a logical volume."""


def in_ascii(name: str) -> str:
    """Return the name without accents and without the letters that ASCII has not."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


def candidates(name: str) -> Iterator[str]:
    """Yield the name, then the name with -2, -3 ... up to -99, within the length that is
    allowed.
    """
    yield name
    for number in range(2, 100):
        suffix = f"-{number}"
        yield name[: MAX_LENGTH - len(suffix)] + suffix


def propose(template: Template, owner: User | None) -> str:
    """Propose a name that the owner does not use yet, made from the template's: tiny-linux-1, -2
    ...
    """
    stem = re.sub(r"[^\w.-]+", "-", template.name.lower()).strip("-.") or "guest"
    stem = stem[:80]
    taken = set(
        VM.objects.filter(owner=owner, name__startswith=stem).values_list("name", flat=True)
    )
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


_USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}\Z")
_SYSTEM_USERS = frozenset(
    {"root", "daemon", "bin", "sys", "nobody", "mail", "www-data", "sshd", "systemd-network"}
)


def user_problem(user: str) -> Problem | None:
    """Say what is wrong with a login inside a guest; "" (none) is fine."""
    if not user:
        return None
    if not _USER_NAME.match(user):
        return Problem("user-rule")
    if user in _SYSTEM_USERS:
        return Problem("user-reserved", name=user)
    return None
