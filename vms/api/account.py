"""One's own account: name, mails, SSH keys, tokens, browsers and second factors.

Tokens are made on the page or by `manage.py create_token`: one that could make others would
outlive its own end.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Status
from pydantic import BaseModel, StringConstraints

from vms import selectors
from vms.api.auth import actor_of
from vms.api.inputs import Input, Line, Text
from vms.api.once import MATCH, ONCE, once, require_match, tag_of
from vms.models import SshKey
from vms.policy import Person
from vms.services import account, factors, notices, preferences, tokens

router = Router(tags=["me"])
NoticeKind = Literal["job-failed", "lease-ends", "shared", "quota", "registered"]


class Mails(Input):
    """Where one's mails go, and which."""

    email: Line = Field(description="Empty: nowhere.")
    kinds: list[NoticeKind] = Field(max_length=20, description="Kinds of notices that are mailed.")


class SshKeysAdd(Input):
    """Public keys to be kept."""

    keys: Annotated[Text, StringConstraints(min_length=1)] = Field(
        description="One or more lines as in authorized_keys."
    )


class SshKeyInfo(BaseModel):
    """A public key, which new guests can be given."""

    id: UUID
    kind: str
    fingerprint: str
    comment: str
    line: str
    added_at: datetime


class SshKeyList(BaseModel):
    """Public keys."""

    items: list[SshKeyInfo]


class TokenInfo(BaseModel):
    """A bearer token; its secret was shown once."""

    id: UUID
    name: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


class SessionInfo(BaseModel):
    """A browser that is logged in."""

    mark: str
    since: datetime | None
    address: str
    agent: str
    is_this: bool


class FactorInfo(BaseModel):
    """A second factor."""

    kind: str
    name: str
    added_at: datetime
    last_used_at: datetime | None


class FactorsInfo(BaseModel):
    """One's second factors; they are added and removed on the page."""

    app: FactorInfo | None
    passkeys: list[FactorInfo]
    codes_left: int | None = Field(description="Recovery codes; null while there are none.")


def _mails(actor: Person) -> Mails:
    chosen = preferences.of(actor.user).mail_kinds
    kinds = notices.KINDS if chosen is None else sorted(chosen)
    return Mails.model_validate({"email": actor.user.email, "kinds": list(kinds)})


@router.get("/mails", response=Mails, operation_id="get_my_mails", summary="My mails")
def get_my_mails(request: HttpRequest, response: HttpResponse) -> Mails:
    """Say where your mails go, and which notices are mailed."""
    shown = _mails(actor_of(request))
    response["ETag"] = tag_of(shown)
    return shown


@router.put(
    "/mails",
    response=Mails,
    operation_id="set_my_mails",
    summary="Choose my mails",
    openapi_extra=MATCH,
)
def set_my_mails(request: HttpRequest, data: Mails, response: HttpResponse) -> Mails:
    """Choose where your mails go, and which notices are mailed."""
    actor = actor_of(request)
    require_match(request, lambda: tag_of(_mails(actor)))
    account.choose_mails(actor=actor, email=data.email, kinds=data.kinds)
    return get_my_mails(request, response)


def _key(row: SshKey) -> SshKeyInfo:
    return SshKeyInfo(
        id=row.pk,
        kind=row.kind,
        fingerprint=row.fingerprint,
        comment=row.comment,
        line=row.line,
        added_at=row.added_at,
    )


@router.get(
    "/ssh-keys", response=SshKeyList, operation_id="list_my_ssh_keys", summary="My SSH keys"
)
def list_my_ssh_keys(request: HttpRequest) -> SshKeyList:
    """List your public keys."""
    return SshKeyList(items=[_key(row) for row in selectors.ssh_keys(actor_of(request))])


@router.post(
    "/ssh-keys",
    response={201: SshKeyList},
    operation_id="add_my_ssh_keys",
    summary="Add SSH keys",
    openapi_extra=ONCE,
)
def add_my_ssh_keys(
    request: HttpRequest, data: SshKeysAdd, response: HttpResponse
) -> Status[SshKeyList]:
    """Keep public keys; the answer has those that were not kept yet."""

    def make() -> tuple[int, SshKeyList, str]:
        added = account.add_ssh_keys(actor=actor_of(request), text=data.keys)
        return 201, SshKeyList(items=[_key(row) for row in added]), ""

    return once(request, response, SshKeyList, make)


@router.delete(
    "/ssh-keys/{key_id}",
    response={204: None},
    operation_id="remove_my_ssh_key",
    summary="Remove an SSH key",
)
def remove_my_ssh_key(request: HttpRequest, key_id: UUID) -> Status[None]:
    """Forget a key; guests that have it keep it."""
    account.remove_ssh_key(actor=actor_of(request), key_id=key_id)
    return Status(204, None)


@router.get("/tokens", response=list[TokenInfo], operation_id="list_my_tokens", summary="My tokens")
def list_my_tokens(request: HttpRequest) -> list[TokenInfo]:
    """List your tokens that were not revoked, newest first; expired ones are among them."""
    return [
        TokenInfo(
            id=row.pk,
            name=row.name,
            scope=row.scope,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
        )
        for row in selectors.tokens(actor_of(request))
    ]


@router.delete(
    "/tokens/{token_id}",
    response={204: None},
    operation_id="revoke_token",
    summary="Revoke a token",
)
def revoke_token(request: HttpRequest, token_id: UUID) -> Status[None]:
    """End a token at once, with the consoles it opened; for administrators anybody's."""
    tokens.revoke(actor=actor_of(request), token_id=token_id)
    return Status(204, None)


@router.get(
    "/sessions",
    response=list[SessionInfo],
    operation_id="list_my_sessions",
    summary="My browsers",
)
def list_my_sessions(request: HttpRequest) -> list[SessionInfo]:
    """List the browsers in which you are logged in."""
    return [SessionInfo(**asdict(each)) for each in account.sessions(actor=actor_of(request))]


@router.delete(
    "/sessions",
    response={204: None},
    operation_id="end_my_sessions",
    summary="Log out everywhere else",
)
def end_my_sessions(request: HttpRequest) -> Status[None]:
    """Log every browser out but the one that asks."""
    account.end_other_sessions(actor=actor_of(request))
    return Status(204, None)


@router.delete(
    "/sessions/{mark}",
    response={204: None},
    operation_id="end_my_session",
    summary="Log a browser out",
)
def end_my_session(request: HttpRequest, mark: str) -> Status[None]:
    """Log one of your browsers out, with its consoles."""
    account.end_session(actor=actor_of(request), mark=mark)
    return Status(204, None)


def _factor(found: factors.Factor) -> FactorInfo:
    return FactorInfo(
        kind=found.kind,
        name=found.name,
        added_at=found.added_at,
        last_used_at=found.last_used_at,
    )


@router.get(
    "/second-factors",
    response=FactorsInfo,
    operation_id="list_my_second_factors",
    summary="My second factors",
)
def list_my_second_factors(request: HttpRequest) -> FactorsInfo:
    """Show your second factors, without anything secret."""
    found = factors.of(actor=actor_of(request))
    return FactorsInfo(
        app=_factor(found.app) if found.app else None,
        passkeys=[_factor(each) for each in found.passkeys],
        codes_left=found.codes_left,
    )
