"""What somebody who logged in must do before anything else, for every door."""

from __future__ import annotations

from vms.models import User
from vms.services import factors

PASSWORD = "password-change-needed"  # noqa: S105 - a code
SECOND_FACTOR = "second-factor-needed"


def first(user: User) -> str:
    """Return the code of what must be done first, "" for nothing. One query."""
    if user.must_change_password:
        return PASSWORD
    return SECOND_FACTOR if factors.is_missing(user) else ""
