"""The cast of the tables of doors, and how a row of a table is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ROLES = (
    "admin",
    "auditor",
    "author",
    "owner",
    "operator",
    "viewer",
    "manager",
    "stranger",
    "anonymous",
)
"""Who knocks. `owner`, `operator` and `viewer` are so of the guest; `manager` manages a group that
owns it; `author` made the template, which is for a group of his; `stranger` has nothing to do with
any of it."""
PEOPLE = ROLES[:-1]


@dataclass(frozen=True)
class Access:
    """Who is let in, who is told that he may not; to all others the thing does not exist."""

    ok: frozenset[str]
    forbidden: frozenset[str]
    rest: str = "404"
    anonymous: str = "login"

    def of(self, role: str) -> str:
        """Say what happens to a role: in, login, 403 or 404."""
        if role in self.ok:
            return "in"
        if role == "anonymous":
            return self.anonymous
        return "403" if role in self.forbidden else self.rest


def access(ok: str, forbidden: str = "", rest: str = "404") -> Access:
    """Make an access from names of roles; those that are in neither get 404."""
    return Access(frozenset(ok.split()), frozenset(forbidden.split()), rest)


def only(ok: str) -> Access:
    """Let these in; all others hear that they may not, because there is nothing to hide."""
    return access(ok, " ".join(set(PEOPLE) - set(ok.split())))


PUBLIC = access(" ".join(ROLES))
EVERYBODY = access(" ".join(PEOPLE))
ADMIN = only("admin")
LOOKERS = only("admin auditor")
AUTHORS = only("admin author")
MAKERS = only("admin author owner operator viewer manager stranger")
"""Who makes guests: everybody but auditors."""
TOKEN_ONLY = access("", rest="login")
"""A session is not enough."""
NOWHERE = Access(frozenset(), frozenset(), "404", "404")
"""404 for everybody, logged in or not: what the path names is invented, or switched off."""
NOT_FOUND = access("")
"""Nobody has such a thing: what belongs to a person's own account."""
SEE_VM = access("admin auditor owner operator viewer manager")
USE_VM = access("admin owner operator manager", "auditor viewer")
OWN_VM = access("admin owner manager", "auditor operator viewer")
SHARES_OF_VM = access("admin auditor owner manager", "operator viewer")
SEE_GROUP = access("admin auditor manager")
RUN_GROUP = access("admin manager", "auditor")
SET_GROUP = access("admin", "auditor manager")
SEE_TEMPLATE = access("admin auditor author")
"""The template is granted to a group of its author's and to nobody else."""
USE_TEMPLATE = access("admin author", "auditor")
INSPECT_TEMPLATE = SEE_TEMPLATE
"""Its versions and grants: like it here, where nobody else is granted it."""
OWN_THING = access("owner")
"""A key, token or session of the owner of the guest."""
SEE_HOST = access("admin auditor")
PERSON = access("admin", "auditor")


@dataclass(frozen=True)
class Row:
    """One route with one method. `body` is what is sent, right enough to reach the rights.

    `args` names other things than the usual ones for parts of the path.
    """

    access: Access
    body: Any = None  # Any: a form or JSON
    args: dict[str, str] = field(default_factory=dict)
