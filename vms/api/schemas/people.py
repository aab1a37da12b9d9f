"""People and invitations in the API: what is asked for and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Field
from pydantic import BaseModel, StringConstraints

from vms.api.inputs import Input, Line, Paging
from vms.api.schemas.common import Page, Ref
from vms.models import Role
from vms.services.rosters import MAX_CHARS


class PersonInfo(BaseModel):
    """An account."""

    id: UUID
    username: str
    full_name: str
    email: str
    role: Role
    is_active: bool = Field(description="False when it is closed, or waits to be let in.")
    is_pending: bool = Field(description="Registered and waits to be let in.")
    is_from_directory: bool = Field(description="Logs in by LDAP.")
    must_change_password: bool
    second_factors: int = Field(description="Authenticator app and passkeys.")
    created_at: datetime
    last_login_at: datetime | None


class PersonPage(Page):
    """People."""

    items: list[PersonInfo]


class PersonFilter(Paging):
    """Which people."""

    q: Line = Field("", description="A part of the user name or the full name.")
    role: Role | None = Field(None, description="Only people with this role.")


class PersonCreate(Input):
    """An account to be made."""

    username: Line
    full_name: Line = ""
    role: Role = Role.USER


class NewPassword(BaseModel):
    """A one-time password: whoever logs in with it chooses his own at once."""

    password: str = Field(description="Shown only now.")


class NewPersonInfo(PersonInfo, NewPassword):
    """An account that was just made."""


class PersonChange(Input):
    """What is to be different."""

    role: Role


class Departing(Input):
    """Who takes the guests of an account that is closed."""

    heir_id: UUID | None = Field(description="Id of a user; null leaves them without an owner.")


class StayedInfo(BaseModel):
    """A guest that could not change hands."""

    vm: Ref
    code: str
    reason: str


class DepartureInfo(BaseModel):
    """What became of an account and its guests."""

    person: PersonInfo
    moved: int = Field(description="How many guests changed hands.")
    stayed: list[StayedInfo]


class FactorRule(Input):
    """Which roles need a second factor."""

    roles: list[Role] = Field(max_length=len(Role))


class Roster(Input):
    """Many accounts as a CSV text."""

    text: Annotated[str, StringConstraints(max_length=MAX_CHARS)] = Field(
        description=(
            "The first line names the columns: username, and of full_name, email, role and group "
            "whichever are wanted."
        )
    )


class RosterLine(BaseModel):
    """A line as it was read."""

    number: int = Field(description="In the text, from 1.")
    values: dict[str, str]
    problems: dict[str, str] = Field(description="What is wrong, by column; empty for a good one.")


class RosterMade(BaseModel):
    """An account of a list, with its one-time password."""

    username: str
    full_name: str
    password: str = Field(description="Shown only now.")


class RosterResult(BaseModel):
    """The accounts of a list."""

    made: list[RosterMade]


class InvitationCreate(Input):
    """An invitation to be made."""

    role: Role = Role.USER
    group_id: UUID | None = None
    email: Line = Field("", description="Where the link is sent; empty: nowhere.")
    days: Annotated[int, Field(strict=True, ge=1, le=90, description="How long it is open.")] = 7


class InvitationInfo(BaseModel):
    """A link by which somebody makes his own account, once."""

    id: UUID
    role: Role
    group: Ref | None
    email: str
    created_by: Ref | None
    created_at: datetime
    expires_at: datetime


class NewInvitation(InvitationInfo):
    """An invitation that was just made."""

    url: str = Field(description="Shown only now.")
    mail: Literal["", "sent", "failed"] = Field(description="Empty when none was to be sent.")
