"""What somebody who logged in must do before anything else, for every door."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from vms.models import User
from vms.services import factors

PASSWORD = "password-change-needed"  # noqa: S105 - a code
SECOND_FACTOR = "second-factor-needed"


def first(user: User) -> str:
    """Return the code of what must be done first, "" for nothing. One query."""
    if user.must_change_password:
        return PASSWORD
    return SECOND_FACTOR if factors.is_missing(user) else ""


def people_with_one(users: Iterable[User]) -> frozenset[str]:
    """Return the ids of those of these people who must do something first. Two queries at most."""
    those = list(users)
    lacking: frozenset[uuid.UUID] = factors.missing_of(those)
    return frozenset(
        str(user.pk) for user in those if user.must_change_password or user.pk in lacking
    )
